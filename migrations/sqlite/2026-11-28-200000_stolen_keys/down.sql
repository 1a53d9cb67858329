DROP TRIGGER sessions_remember_rotated_key;
CREATE TRIGGER sessions_remember_rotated_key AFTER UPDATE OF store_key ON sessions
FOR EACH ROW WHEN OLD.store_key <> NEW.store_key
BEGIN
    INSERT INTO rotated_keys (store_key, session_id, rotated_at)
    VALUES (OLD.store_key, OLD.id, strftime('%Y-%m-%d %H:%M:%f', 'now'))
    ON CONFLICT (store_key) DO UPDATE SET session_id = excluded.session_id, rotated_at = excluded.rotated_at;
END;

DROP INDEX rotated_keys_by_session;
DROP INDEX rotated_keys_by_time;
DROP INDEX sessions_with_stolen_key;
ALTER TABLE sessions DROP COLUMN key_stolen_at;
