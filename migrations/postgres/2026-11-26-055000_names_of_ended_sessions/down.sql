DROP TRIGGER ended_sessions_follow_role ON users;
DROP FUNCTION ended_sessions_follow_role();
CREATE OR REPLACE FUNCTION sessions_follow_user() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET person = NEW.search_text, role = NEW.role
    WHERE user_id = NEW.id AND (person, role) IS DISTINCT FROM (NEW.search_text, NEW.role);
    RETURN NULL;
END $$;
