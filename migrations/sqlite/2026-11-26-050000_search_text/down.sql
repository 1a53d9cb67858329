DROP TRIGGER sessions_follow_user;
DROP INDEX users_without_search_text;
ALTER TABLE users DROP COLUMN search_text;
CREATE TRIGGER sessions_follow_user AFTER UPDATE OF name, email_key, role ON users FOR EACH ROW
BEGIN
    UPDATE sessions SET person = lower(NEW.name) || char(10) || NEW.email_key, role = NEW.role WHERE user_id = NEW.id;
END;
UPDATE sessions SET person = lower(users.name) || char(10) || users.email_key FROM users WHERE users.id = sessions.user_id;
