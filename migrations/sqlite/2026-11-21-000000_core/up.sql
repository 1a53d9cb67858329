CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    -- The address in lower case: what makes it unique and finds it.
    email_key TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    active BOOLEAN NOT NULL DEFAULT TRUE,
    -- Grows whenever all sessions of the user are to end; a sign-in that began before finds it changed.
    session_epoch BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    last_login_at TIMESTAMP,
    email_confirmed_at TIMESTAMP
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL,
    -- When the idle or the absolute limit ends it, whichever is first.
    expires_at TIMESTAMP NOT NULL,
    absolute_expires_at TIMESTAMP NOT NULL,
    remembered BOOLEAN NOT NULL,
    ip TEXT NOT NULL,
    -- The address as 16 bytes (IPv4 mapped into IPv6), so that a network is a range.
    ip_key BLOB NOT NULL,
    user_agent TEXT NOT NULL,
    browser TEXT NOT NULL,
    browser_version TEXT NOT NULL,
    os TEXT NOT NULL,
    device TEXT NOT NULL,
    -- Hex SHA-256 of the session key; absent until the store holds the state.
    store_key TEXT UNIQUE,
    -- The state, while sessions live in the database.
    state TEXT,
    -- Ended, but the store has not confirmed yet that its entry is gone.
    store_pending BOOLEAN NOT NULL DEFAULT FALSE,
    ended_at TIMESTAMP,
    end_reason TEXT,
    end_note TEXT,
    ended_by BIGINT
);

CREATE INDEX sessions_active_by_seen ON sessions (last_seen_at DESC, id DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_active_by_user ON sessions (user_id, last_seen_at DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_active_by_expiry ON sessions (expires_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_active_by_ip ON sessions (ip_key) WHERE ended_at IS NULL;
CREATE INDEX sessions_store_pending ON sessions (id) WHERE store_pending;
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at TIMESTAMP NOT NULL,
    kind TEXT NOT NULL,
    user_id BIGINT,
    actor_id BIGINT,
    session_id TEXT,
    ip TEXT,
    user_agent TEXT,
    detail TEXT
);

CREATE INDEX events_by_user ON events (user_id, id DESC);
CREATE INDEX events_by_session ON events (session_id, id DESC);

CREATE TABLE tokens (
    -- Hex SHA-256 of the token; the token itself is only in the link.
    token_hash TEXT PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);

CREATE INDEX tokens_by_purpose ON tokens (purpose);
