-- The address that is to take the place of the user's, once it is confirmed.
ALTER TABLE users ADD COLUMN pending_email TEXT;

-- The address that a link proves, or that it gives back. Only the latter has a key: nobody else gets the address before the link expires.
ALTER TABLE tokens ADD COLUMN email TEXT;
ALTER TABLE tokens ADD COLUMN email_key TEXT;
CREATE INDEX tokens_by_user ON tokens (user_id);
CREATE INDEX tokens_by_email ON tokens (email_key) WHERE email_key IS NOT NULL;

-- Administrators were made by whoever runs the site, who vouches for them. Of all others nobody knows.
UPDATE users SET email_confirmed_at = CURRENT_TIMESTAMP WHERE role = 'admin';
