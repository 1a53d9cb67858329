UPDATE users SET email_confirmed_at = NULL;
DELETE FROM tokens WHERE email IS NOT NULL;
DROP INDEX tokens_by_email;
DROP INDEX tokens_by_user;
ALTER TABLE tokens DROP COLUMN email_key;
ALTER TABLE tokens DROP COLUMN email;
ALTER TABLE users DROP COLUMN pending_email;
