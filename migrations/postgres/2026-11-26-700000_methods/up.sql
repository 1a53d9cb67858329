-- How each session was signed in. Until now everybody gave a password.
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'password';
