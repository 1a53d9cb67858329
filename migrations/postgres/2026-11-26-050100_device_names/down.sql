DROP INDEX sessions_active_by_browser;
DROP INDEX sessions_ended_by_browser;
DROP INDEX sessions_active_by_os;
DROP INDEX sessions_ended_by_os;
CREATE INDEX sessions_active_by_browser ON sessions (lower(browser), last_seen_at DESC, id DESC)
    INCLUDE (expires_at, browser) WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_ended_by_browser ON sessions (lower(browser), ended_at DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_active_by_os ON sessions (lower(os), last_seen_at DESC, id DESC)
    INCLUDE (expires_at, os) WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_ended_by_os ON sessions (lower(os), ended_at DESC) WHERE ended_at IS NOT NULL;
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 140000 THEN
        EXECUTE 'CREATE STATISTICS sessions_browser ON (lower(browser)) FROM sessions';
        EXECUTE 'CREATE STATISTICS sessions_os ON (lower(os)) FROM sessions';
    END IF;
END $$;
