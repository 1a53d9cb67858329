-- Whether the password alone is not enough to sign in.
ALTER TABLE users ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE;

-- The authenticator app of a user.
CREATE TABLE authenticators (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Encrypted with a key that is made of SESSION_SECRET.
    sealed_key TEXT NOT NULL,
    -- The 30 seconds of the last code that was accepted, counted since 1970: a code works once.
    last_step BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

-- The recovery codes that were not used yet.
CREATE TABLE recovery_codes (
    -- Hex SHA-256 of the code, which has 120 random bits.
    code_hash TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- The browsers in which a user is asked for the password alone.
CREATE TABLE trusted_browsers (
    -- Hex SHA-256 of the token in the browser's cookie and of the user's number.
    token_hash TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device TEXT NOT NULL,
    ip TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX trusted_browsers_by_user ON trusted_browsers (user_id, created_at);
CREATE INDEX trusted_browsers_by_expiry ON trusted_browsers (expires_at);
