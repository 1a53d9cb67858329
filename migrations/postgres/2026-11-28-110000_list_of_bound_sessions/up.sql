-- The lists of sessions that are bound to their devices, while few are. A sign-in writes neither of these: its session is bound later.
CREATE INDEX sessions_active_by_bound ON sessions (last_seen_at DESC, id DESC)
    INCLUDE (expires_at)
    WHERE ended_at IS NULL AND store_key IS NOT NULL AND bound_at IS NOT NULL;
CREATE INDEX sessions_ended_by_bound ON sessions (ended_at DESC, id DESC) WHERE ended_at IS NOT NULL AND bound_at IS NOT NULL;
