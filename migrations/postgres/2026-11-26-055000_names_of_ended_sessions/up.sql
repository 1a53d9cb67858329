-- Ended sessions keep the name and address of their end: somebody with a long history would write all of it with each new name.
-- A role changes rarely, and lists of ended sessions begin with it.
CREATE OR REPLACE FUNCTION sessions_follow_user() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET person = NEW.search_text, role = NEW.role
    WHERE user_id = NEW.id AND ended_at IS NULL AND (person, role) IS DISTINCT FROM (NEW.search_text, NEW.role);
    RETURN NULL;
END $$;
CREATE FUNCTION ended_sessions_follow_role() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET role = NEW.role WHERE user_id = NEW.id AND ended_at IS NOT NULL AND role <> NEW.role;
    RETURN NULL;
END $$;
CREATE TRIGGER ended_sessions_follow_role AFTER UPDATE OF role ON users FOR EACH ROW WHEN (OLD.role <> NEW.role)
    EXECUTE FUNCTION ended_sessions_follow_role();
