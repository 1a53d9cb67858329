-- Sessions that are bound to the device of their browser: it has a key, and without a recent proof of it the session's cookie is of no
-- use. NULL: the browser has proven no key.
ALTER TABLE sessions ADD COLUMN bound_at TIMESTAMP;

-- The keys that browsers have registered. They are kept for as long as the session's row is.
CREATE TABLE device_keys (
    session_id TEXT PRIMARY KEY NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- The uncompressed point on P-256 in URL-safe base64.
    public_key TEXT NOT NULL,
    made_at TIMESTAMP NOT NULL,
    -- When the browser has last proven that it has the key.
    proved_at TIMESTAMP NOT NULL,
    -- When the challenge was made that was proven last, in microseconds since 1970: no challenge made earlier counts any more.
    last_challenge BIGINT NOT NULL
);
