CREATE OR REPLACE FUNCTION remember_rotated_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rotated_keys (store_key, session_id, rotated_at)
    VALUES (OLD.store_key, OLD.id, clock_timestamp() AT TIME ZONE 'utc')
    ON CONFLICT (store_key) DO UPDATE SET session_id = excluded.session_id, rotated_at = excluded.rotated_at;
    RETURN NULL;
END $$;

DROP INDEX rotated_keys_by_session;
DROP INDEX rotated_keys_by_time;
DROP INDEX sessions_ended_by_store_key;
DROP INDEX sessions_with_stolen_key;
ALTER TABLE sessions DROP COLUMN key_stolen_at;
