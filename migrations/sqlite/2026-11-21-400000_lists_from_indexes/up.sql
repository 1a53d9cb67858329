-- A session that has no store key yet is on no list, so a sign-in writes each of these once.
DROP INDEX sessions_active_by_seen;
DROP INDEX sessions_active_by_start;
DROP INDEX sessions_active_by_browser;
DROP INDEX sessions_active_by_os;
DROP INDEX sessions_active_by_remembered;
DROP INDEX sessions_active_by_ip;
CREATE INDEX sessions_active_by_seen ON sessions (last_seen_at DESC, id DESC)
    WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_active_by_start ON sessions (created_at DESC, id DESC)
    WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_active_by_browser ON sessions (lower(browser), last_seen_at DESC, id DESC)
    WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_active_by_os ON sessions (lower(os), last_seen_at DESC, id DESC)
    WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_active_by_remembered ON sessions (remembered, last_seen_at DESC, id DESC)
    WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_active_by_ip ON sessions (ip_key)
    WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_active_by_role ON sessions (role, last_seen_at DESC, id DESC)
    WHERE ended_at IS NULL AND store_key IS NOT NULL;

-- What the store has not confirmed to be gone is noted apart from the sessions: noted in their rows, it wrote each of them, and all
-- their places in indexes, twice for every end.
CREATE TABLE pending_deletions (
    session_id TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL,
    store_key TEXT
);
INSERT INTO pending_deletions SELECT id, user_id, store_key FROM sessions WHERE store_pending;
DROP INDEX sessions_store_pending;
ALTER TABLE sessions DROP COLUMN store_pending;
CREATE INDEX pending_deletions_by_user ON pending_deletions (user_id);
