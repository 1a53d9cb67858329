-- One row, which is written to find out whether the database takes writes.
CREATE TABLE write_checks (id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1), at TIMESTAMP NOT NULL);
INSERT INTO write_checks VALUES (1, '2000-01-01 00:00:00');
