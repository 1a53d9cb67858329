-- Ended sessions keep the name and address of their end: somebody with a long history would write all of it with each new name.
-- A role changes rarely, and lists of ended sessions begin with it.
DROP TRIGGER sessions_follow_user;
CREATE TRIGGER sessions_follow_user AFTER UPDATE OF search_text, role ON users FOR EACH ROW
BEGIN
    UPDATE sessions SET person = NEW.search_text, role = NEW.role
    WHERE user_id = NEW.id AND ended_at IS NULL AND (person <> NEW.search_text OR role <> NEW.role);
END;
CREATE TRIGGER ended_sessions_follow_role AFTER UPDATE OF role ON users FOR EACH ROW WHEN OLD.role <> NEW.role
BEGIN
    UPDATE sessions SET role = NEW.role WHERE user_id = NEW.id AND ended_at IS NOT NULL AND role <> NEW.role;
END;
