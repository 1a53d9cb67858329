-- The text that a user is found by: name and address, folded by the program. What the database takes for lower case depends on
-- its locale, so nothing compares with that any more. Empty until the program has filled it, which it does after the migrations.
ALTER TABLE users ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
CREATE INDEX users_without_search_text ON users (id) WHERE search_text = '';

DROP INDEX users_by_short_parts;
DROP INDEX IF EXISTS users_by_name_trgm;
DROP INDEX IF EXISTS users_by_email_trgm;
DROP FUNCTION named(TEXT, TEXT, TEXT);
ALTER TABLE users ALTER COLUMN email_key SET STATISTICS -1;
ALTER TABLE users ALTER COLUMN search_text SET STATISTICS 1000;

CREATE INDEX users_by_short_parts ON users USING gin (short_parts(search_text));
ALTER INDEX users_by_short_parts ALTER COLUMN 1 SET STATISTICS 1000;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        CREATE INDEX users_by_search_text_trgm ON users USING gin (search_text gin_trgm_ops);
    END IF;
END $$;

-- Whether a user is found by a folded part. It becomes part of the query that asks, with one case left. The search for a short
-- part in the text itself is quick and comes first where users are come to one by one.
CREATE FUNCTION named(search_text TEXT, part TEXT) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN length(part) <= 2 THEN strpos(search_text, part) <> 0 AND short_parts(search_text) @> ARRAY[part]
        ELSE search_text LIKE '%' || replace(replace(replace(part, '!', '!!'), '%', '!%'), '_', '!_') || '%' ESCAPE '!'
    END
$$;

DROP TRIGGER sessions_follow_user ON users;
CREATE OR REPLACE FUNCTION sessions_follow_user() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET person = NEW.search_text, role = NEW.role
    WHERE user_id = NEW.id AND (person, role) IS DISTINCT FROM (NEW.search_text, NEW.role);
    RETURN NULL;
END $$;
CREATE TRIGGER sessions_follow_user AFTER UPDATE OF search_text, role ON users FOR EACH ROW
    WHEN ((OLD.search_text, OLD.role) IS DISTINCT FROM (NEW.search_text, NEW.role))
    EXECUTE FUNCTION sessions_follow_user();
