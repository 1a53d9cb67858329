-- The text that a user is found by: name and address, folded by the program. Empty until the program has filled it, which it does
-- after the migrations.
ALTER TABLE users ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
CREATE INDEX users_without_search_text ON users (id) WHERE search_text = '';

DROP TRIGGER sessions_follow_user;
CREATE TRIGGER sessions_follow_user AFTER UPDATE OF search_text, role ON users FOR EACH ROW
BEGIN
    UPDATE sessions SET person = NEW.search_text, role = NEW.role
    WHERE user_id = NEW.id AND (person <> NEW.search_text OR role <> NEW.role);
END;
