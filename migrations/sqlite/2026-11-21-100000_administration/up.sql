-- What an administrator's list is narrowed to or ordered by, each in the order of the list.
CREATE INDEX sessions_active_by_start ON sessions (created_at DESC, id DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_active_by_browser ON sessions (lower(browser), last_seen_at DESC, id DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_active_by_os ON sessions (lower(os), last_seen_at DESC, id DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_active_by_remembered ON sessions (remembered, last_seen_at DESC, id DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at DESC, id DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_never_stored ON sessions (created_at) WHERE ended_at IS NULL AND store_key IS NULL;
CREATE INDEX users_by_role ON users (role, id DESC);

ALTER TABLE events ADD COLUMN ip_key BLOB;
CREATE INDEX events_by_kind ON events (kind, id DESC);
CREATE INDEX events_by_at ON events (at);
CREATE INDEX events_by_ip ON events (ip_key, id DESC);

-- How many sessions were active at a time: the chart of the overview.
CREATE TABLE samples (
    at TIMESTAMP PRIMARY KEY NOT NULL,
    active BIGINT NOT NULL
);

-- Ends of very many sessions, which go on after the request that asked for them.
CREATE TABLE bulk_ends (
    id TEXT PRIMARY KEY NOT NULL,
    started_at TIMESTAMP NOT NULL,
    -- Moves while it is worked on.
    moved_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    by_user BIGINT NOT NULL,
    expected BIGINT NOT NULL,
    ended BIGINT NOT NULL DEFAULT 0,
    problem TEXT
);

-- One row: which secret the cookies of all sessions are made with, as its hex SHA-256.
CREATE TABLE secrets (
    fingerprint TEXT PRIMARY KEY NOT NULL,
    since TIMESTAMP NOT NULL
);
