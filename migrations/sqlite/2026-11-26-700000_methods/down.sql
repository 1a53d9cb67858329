ALTER TABLE sessions DROP COLUMN method;
