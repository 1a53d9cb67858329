-- The passkeys that people sign in with (WebAuthn).
CREATE TABLE passkeys (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the user chose to know it by.
    name TEXT NOT NULL,
    -- Base64url of the identifier that the authenticator gave it.
    credential_id TEXT NOT NULL UNIQUE,
    -- Hex of the random number by which authenticators know the user.
    user_handle TEXT NOT NULL,
    -- Public key and what else signatures are checked with, as JSON of the library.
    credential TEXT NOT NULL,
    -- The host that it is for: that of BASE_URL when it was made.
    rp_id TEXT NOT NULL,
    -- How often it has signed; 0: it doesn't count.
    sign_count BIGINT NOT NULL,
    -- Whether its key can be copied to other devices, and whether it was.
    backup_eligible BOOLEAN NOT NULL,
    backed_up BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- Ceremonies that were completed: each works once.
CREATE TABLE used_ceremonies (
    -- Hex SHA-256 of their state.
    id TEXT PRIMARY KEY NOT NULL,
    -- From then on the state is too old.
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX used_ceremonies_by_expiry ON used_ceremonies (expires_at);
