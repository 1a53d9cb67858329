DROP TABLE trusted_browsers;
DROP TABLE recovery_codes;
DROP TABLE authenticators;
ALTER TABLE users DROP COLUMN second_factor;
