-- Browsers and systems are compared as they are written: the program looks up which names in use are meant, in any case. What the
-- database takes for lower case depends on its locale.
DROP INDEX sessions_active_by_browser;
DROP INDEX sessions_ended_by_browser;
DROP INDEX sessions_active_by_os;
DROP INDEX sessions_ended_by_os;
CREATE INDEX sessions_active_by_browser ON sessions (browser, last_seen_at DESC, id DESC)
    WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_ended_by_browser ON sessions (browser, ended_at DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_active_by_os ON sessions (os, last_seen_at DESC, id DESC)
    WHERE ended_at IS NULL AND store_key IS NOT NULL;
CREATE INDEX sessions_ended_by_os ON sessions (os, ended_at DESC) WHERE ended_at IS NOT NULL;
