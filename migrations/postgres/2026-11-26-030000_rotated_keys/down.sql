DROP TRIGGER sessions_remember_rotated_key ON sessions;
DROP FUNCTION remember_rotated_key();
DROP TABLE rotated_keys;
