-- How often an event happened: those that belong to no account are summed.
ALTER TABLE events ADD COLUMN times BIGINT NOT NULL DEFAULT 1;
