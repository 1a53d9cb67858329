DROP TRIGGER sessions_follow_user ON users;
CREATE OR REPLACE FUNCTION sessions_follow_user() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET person = lower(NEW.name) || chr(10) || NEW.email_key, role = NEW.role WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER sessions_follow_user AFTER UPDATE OF name, email_key, role ON users FOR EACH ROW
    WHEN ((OLD.name, OLD.email_key, OLD.role) IS DISTINCT FROM (NEW.name, NEW.email_key, NEW.role))
    EXECUTE FUNCTION sessions_follow_user();
DROP INDEX users_by_short_parts;
DROP INDEX IF EXISTS users_by_search_text_trgm;
DROP FUNCTION named(TEXT, TEXT);
DROP INDEX users_without_search_text;
ALTER TABLE users DROP COLUMN search_text;
ALTER TABLE users ALTER COLUMN email_key SET STATISTICS 1000;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        CREATE INDEX users_by_name_trgm ON users USING gin (lower(name) gin_trgm_ops);
        ALTER INDEX users_by_name_trgm ALTER COLUMN 1 SET STATISTICS 1000;
        CREATE INDEX users_by_email_trgm ON users USING gin (email_key gin_trgm_ops);
    END IF;
END $$;
CREATE INDEX users_by_short_parts ON users USING gin (short_parts(lower(name) || chr(10) || email_key));
ALTER INDEX users_by_short_parts ALTER COLUMN 1 SET STATISTICS 1000;
CREATE FUNCTION named(name TEXT, email_key TEXT, part TEXT) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN length(part) <= 2 THEN (strpos(lower(name), part) <> 0 OR strpos(email_key, part) <> 0)
            AND short_parts(lower(name) || chr(10) || email_key) @> ARRAY[part]
        ELSE lower(name) LIKE '%' || replace(replace(replace(part, '!', '!!'), '%', '!%'), '_', '!_') || '%' ESCAPE '!'
            OR email_key LIKE '%' || replace(replace(replace(part, '!', '!!'), '%', '!%'), '_', '!_') || '%' ESCAPE '!'
    END
$$;
UPDATE sessions SET person = lower(users.name) || chr(10) || users.email_key FROM users WHERE users.id = sessions.user_id;
