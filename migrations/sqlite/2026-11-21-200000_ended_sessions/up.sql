-- What the list of ended sessions is narrowed to: there are many more of them than active ones.
CREATE INDEX sessions_ended_by_browser ON sessions (lower(browser), ended_at DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_ended_by_os ON sessions (lower(os), ended_at DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_ended_by_ip ON sessions (ip_key) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_ended_by_start ON sessions (created_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_ended_by_seen ON sessions (last_seen_at) WHERE ended_at IS NOT NULL;
