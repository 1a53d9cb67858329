DROP INDEX sessions_ended_by_seen;
DROP INDEX sessions_ended_by_start;
DROP INDEX sessions_ended_by_ip;
DROP INDEX sessions_ended_by_os;
DROP INDEX sessions_ended_by_browser;
