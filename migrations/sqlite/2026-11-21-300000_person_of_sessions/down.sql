DROP INDEX sessions_ended_by_role;
DROP TRIGGER sessions_follow_user;
ALTER TABLE sessions DROP COLUMN role;
ALTER TABLE sessions DROP COLUMN person;
