DROP TABLE tokens;
DROP TABLE events;
DROP TABLE sessions;
DROP TABLE users;
