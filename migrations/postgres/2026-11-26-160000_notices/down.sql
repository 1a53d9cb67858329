DROP INDEX sessions_by_user;
CREATE INDEX sessions_by_user ON sessions (user_id);
DROP INDEX mails_by_user;
ALTER TABLE mails DROP COLUMN user_id;
DROP TABLE sign_in_notices;
