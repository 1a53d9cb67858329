DROP TRIGGER sessions_remember_rotated_key;
DROP TABLE rotated_keys;
