-- Failures by account and network, where there is no Redis. The times are milliseconds since 1970 by the database's clock. The
-- keys are short hashes, so the table has an end.
CREATE TABLE throttle_counts (
    key TEXT PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    open_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX throttle_counts_by_expiry ON throttle_counts (expires_at);
