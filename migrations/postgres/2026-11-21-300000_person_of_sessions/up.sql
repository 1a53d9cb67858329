-- Whose a session is, in the words that lists look for: the name in lower case, a line break and the address in lower case,
-- and the role. A list in the order of its sessions tells whether one matches without a look at its user.
ALTER TABLE sessions ADD COLUMN person TEXT NOT NULL DEFAULT '', ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
UPDATE sessions SET person = lower(users.name) || chr(10) || users.email_key, role = users.role
FROM users WHERE users.id = sessions.user_id;
ALTER TABLE sessions ALTER COLUMN person DROP DEFAULT, ALTER COLUMN role DROP DEFAULT;

CREATE FUNCTION sessions_follow_user() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET person = lower(NEW.name) || chr(10) || NEW.email_key, role = NEW.role WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER sessions_follow_user AFTER UPDATE OF name, email_key, role ON users FOR EACH ROW
    WHEN ((OLD.name, OLD.email_key, OLD.role) IS DISTINCT FROM (NEW.name, NEW.email_key, NEW.role))
    EXECUTE FUNCTION sessions_follow_user();

-- Nearly all are of users: a list of those meets no others.
CREATE INDEX sessions_ended_by_role ON sessions (ended_at DESC, id DESC) WHERE ended_at IS NOT NULL AND role = 'admin';

-- The letters of a text and its pairs of neighbours: what is shorter than a trigram.
CREATE FUNCTION short_parts(whole TEXT) RETURNS TEXT[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    letters TEXT[] := string_to_array(whole, NULL);
    parts TEXT[] := letters;
BEGIN
    FOR at IN 2 .. cardinality(letters) LOOP
        parts := parts || (letters[at - 1] || letters[at]);
    END LOOP;
    RETURN parts;
END $$;
CREATE INDEX users_by_short_parts ON users USING gin (short_parts(lower(name) || chr(10) || email_key));
-- How common each pair is, the rare ones too: it decides where to look for them first.
ALTER INDEX users_by_short_parts ALTER COLUMN 1 SET STATISTICS 1000;

-- Whether a name or address has a part, given in lower case. It becomes part of the query that asks, with one case left. The
-- search for a short part in the text itself is quick and comes first where users are come to one by one.
CREATE FUNCTION named(name TEXT, email_key TEXT, part TEXT) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN length(part) <= 2 THEN (strpos(lower(name), part) <> 0 OR strpos(email_key, part) <> 0)
            AND short_parts(lower(name) || chr(10) || email_key) @> ARRAY[part]
        ELSE lower(name) LIKE '%' || replace(replace(replace(part, '!', '!!'), '%', '!%'), '_', '!_') || '%' ESCAPE '!'
            OR email_key LIKE '%' || replace(replace(replace(part, '!', '!!'), '%', '!%'), '_', '!_') || '%' ESCAPE '!'
    END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM sessions) THEN
        ANALYZE users, sessions;
    END IF;
END $$;
