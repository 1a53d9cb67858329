-- What the list of ended sessions is narrowed to: there are many more of them than active ones.
CREATE INDEX sessions_ended_by_browser ON sessions (lower(browser), ended_at DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_ended_by_os ON sessions (lower(os), ended_at DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_ended_by_ip ON sessions (ip_key) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_ended_by_start ON sessions (created_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_ended_by_seen ON sessions (last_seen_at) WHERE ended_at IS NOT NULL;

-- How common each browser and system is, in the case that they are compared in. Before Postgres 14 nothing keeps that, and
-- all are taken for equally rare.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 140000 THEN
        EXECUTE 'CREATE STATISTICS sessions_browser ON (lower(browser)) FROM sessions';
        EXECUTE 'CREATE STATISTICS sessions_os ON (lower(os)) FROM sessions';
    END IF;
END $$;

-- Which part of all names contains a text is guessed from a sample of them: a hundred are too few for one in a hundred.
ALTER TABLE users ALTER COLUMN email_key SET STATISTICS 1000;
DO $$
BEGIN
    ALTER INDEX users_by_name_trgm ALTER COLUMN 1 SET STATISTICS 1000;
EXCEPTION WHEN undefined_table THEN
    NULL; -- There is no pg_trgm.
END $$;

-- Where there are some already. A table that was found empty would be planned for as an empty one for a while.
DO $$
BEGIN
    IF EXISTS (SELECT FROM sessions) THEN
        ANALYZE users, sessions;
    END IF;
END $$;
