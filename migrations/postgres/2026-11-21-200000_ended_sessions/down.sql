ALTER TABLE users ALTER COLUMN email_key SET STATISTICS -1;
DROP STATISTICS IF EXISTS sessions_os;
DROP STATISTICS IF EXISTS sessions_browser;
DROP INDEX sessions_ended_by_seen;
DROP INDEX sessions_ended_by_start;
DROP INDEX sessions_ended_by_ip;
DROP INDEX sessions_ended_by_os;
DROP INDEX sessions_ended_by_browser;
