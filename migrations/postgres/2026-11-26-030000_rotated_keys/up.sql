-- The keys that sessions had before their current one, for the requests that were in flight when it was replaced. The sweep
-- deletes them after a minute. The times are those of the database: instances may disagree about theirs.
CREATE TABLE rotated_keys (
    store_key TEXT PRIMARY KEY NOT NULL,
    session_id TEXT NOT NULL,
    rotated_at TIMESTAMP NOT NULL
);

CREATE FUNCTION remember_rotated_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rotated_keys (store_key, session_id, rotated_at)
    VALUES (OLD.store_key, OLD.id, clock_timestamp() AT TIME ZONE 'utc')
    ON CONFLICT (store_key) DO UPDATE SET session_id = excluded.session_id, rotated_at = excluded.rotated_at;
    RETURN NULL;
END $$;

CREATE TRIGGER sessions_remember_rotated_key AFTER UPDATE OF store_key ON sessions
FOR EACH ROW WHEN (OLD.store_key <> NEW.store_key)
EXECUTE FUNCTION remember_rotated_key();
