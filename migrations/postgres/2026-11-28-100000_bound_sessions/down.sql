DROP TABLE session_keys;
ALTER TABLE sessions DROP COLUMN bound_at;
