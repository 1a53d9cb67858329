-- When somebody else than its own browser first presented a key of the session that leads nowhere; NULL: nobody has.
ALTER TABLE sessions ADD COLUMN key_stolen_at TIMESTAMP;
CREATE INDEX sessions_with_stolen_key ON sessions (user_id, key_stolen_at) WHERE key_stolen_at IS NOT NULL;

-- Sessions that have ended are looked for by their key, when a request brings one that leads nowhere.
CREATE INDEX sessions_ended_by_store_key ON sessions USING hash (store_key) WHERE ended_at IS NOT NULL;

-- Replaced keys are kept as long as ended sessions, and of each session the newest hundred: people can replace theirs as often as they
-- like.
CREATE INDEX rotated_keys_by_time ON rotated_keys (rotated_at);
CREATE INDEX rotated_keys_by_session ON rotated_keys (session_id, rotated_at DESC);

CREATE OR REPLACE FUNCTION remember_rotated_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rotated_keys (store_key, session_id, rotated_at)
    VALUES (OLD.store_key, OLD.id, clock_timestamp() AT TIME ZONE 'utc')
    ON CONFLICT (store_key) DO UPDATE SET session_id = excluded.session_id, rotated_at = excluded.rotated_at;
    DELETE FROM rotated_keys WHERE session_id = OLD.id AND rotated_at < (
        SELECT kept.rotated_at FROM rotated_keys AS kept WHERE kept.session_id = OLD.id
        ORDER BY kept.rotated_at DESC OFFSET 99 LIMIT 1
    );
    RETURN NULL;
END $$;
