DROP TRIGGER ended_sessions_follow_role;
DROP TRIGGER sessions_follow_user;
CREATE TRIGGER sessions_follow_user AFTER UPDATE OF search_text, role ON users FOR EACH ROW
BEGIN
    UPDATE sessions SET person = NEW.search_text, role = NEW.role
    WHERE user_id = NEW.id AND (person <> NEW.search_text OR role <> NEW.role);
END;
