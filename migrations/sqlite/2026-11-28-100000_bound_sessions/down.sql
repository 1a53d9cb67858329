DROP TABLE device_keys;
ALTER TABLE sessions DROP COLUMN bound_at;
