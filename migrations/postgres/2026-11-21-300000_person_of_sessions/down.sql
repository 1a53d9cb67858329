DROP FUNCTION named;
DROP INDEX users_by_short_parts;
DROP FUNCTION short_parts;
DROP INDEX sessions_ended_by_role;
DROP TRIGGER sessions_follow_user ON users;
DROP FUNCTION sessions_follow_user;
ALTER TABLE sessions DROP COLUMN role, DROP COLUMN person;
