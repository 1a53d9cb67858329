-- The keys that sessions had before their current one, for the requests that were in flight when it was replaced. The sweep
-- deletes them after a minute.
CREATE TABLE rotated_keys (
    store_key TEXT PRIMARY KEY NOT NULL,
    session_id TEXT NOT NULL,
    rotated_at TIMESTAMP NOT NULL
);

CREATE TRIGGER sessions_remember_rotated_key AFTER UPDATE OF store_key ON sessions
FOR EACH ROW WHEN OLD.store_key <> NEW.store_key
BEGIN
    INSERT INTO rotated_keys (store_key, session_id, rotated_at)
    VALUES (OLD.store_key, OLD.id, strftime('%Y-%m-%d %H:%M:%f', 'now'))
    ON CONFLICT (store_key) DO UPDATE SET session_id = excluded.session_id, rotated_at = excluded.rotated_at;
END;
