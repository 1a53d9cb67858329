-- Sign-ins from new browsers that their people were told of: what the link in the mail leads to.
CREATE TABLE sign_in_notices (
    -- Hex SHA-256 of the token; the token itself is only in the link.
    token_hash TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL,
    -- A keyed hash of the network and the program that it came from: of each of them people are told once a day.
    origin TEXT NOT NULL,
    -- The address as it was compared then: the link is of no use once the account has another one.
    email_key TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX sign_in_notices_by_user ON sign_in_notices (user_id, created_at);
CREATE INDEX sign_in_notices_by_expiry ON sign_in_notices (expires_at);

-- Whose mail it is; nobody's when it tells that an account is gone. With an account its mail is deleted.
ALTER TABLE mails ADD COLUMN user_id BIGINT;
CREATE INDEX mails_by_user ON mails (user_id) WHERE user_id IS NOT NULL;

-- All sessions of a user are read in parts, in the order of their ids.
DROP INDEX sessions_by_user;
CREATE INDEX sessions_by_user ON sessions (user_id, id);
