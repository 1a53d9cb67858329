-- Whose a session is, in the words that lists look for: the name in lower case, a line break and the address in lower case,
-- and the role. A list in the order of its sessions tells whether one matches without a look at its user.
ALTER TABLE sessions ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
UPDATE sessions SET person = lower(users.name) || char(10) || users.email_key, role = users.role
FROM users WHERE users.id = sessions.user_id;

CREATE TRIGGER sessions_follow_user AFTER UPDATE OF name, email_key, role ON users FOR EACH ROW
BEGIN
    UPDATE sessions SET person = lower(NEW.name) || char(10) || NEW.email_key, role = NEW.role WHERE user_id = NEW.id;
END;

CREATE INDEX sessions_ended_by_role ON sessions (role, ended_at DESC, id DESC) WHERE ended_at IS NOT NULL;
