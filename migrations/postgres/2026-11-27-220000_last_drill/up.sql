-- The last run of `gatehouse drill`, for the metrics of every instance: one row, or none before the first run.
CREATE TABLE last_drill (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    at TIMESTAMP NOT NULL,
    passed BOOLEAN NOT NULL,
    -- How long the slowest refusal took; NULL where something was not refused.
    slowest_ms BIGINT
);
