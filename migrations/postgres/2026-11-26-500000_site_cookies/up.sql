-- The cookies that sites with cookies of their own have for a session: it is used at those sites. With the session they end.
CREATE TABLE site_cookies (
    -- Hex SHA-256 of the secret; the secret itself is only in the cookie.
    secret_hash TEXT PRIMARY KEY NOT NULL,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- Host and, unless it is the scheme's own, port.
    site TEXT NOT NULL,
    made_at TIMESTAMP NOT NULL
);
CREATE INDEX site_cookies_by_session ON site_cookies (session_id);

-- The codes for such cookies that have been used. The sweep deletes them once they are too old to be good. The times are those of the
-- database, in Unix seconds: instances may disagree about theirs.
CREATE TABLE used_codes (
    id TEXT PRIMARY KEY NOT NULL,
    session_id TEXT NOT NULL,
    used_at BIGINT NOT NULL
);
CREATE INDEX used_codes_by_session ON used_codes (session_id);
