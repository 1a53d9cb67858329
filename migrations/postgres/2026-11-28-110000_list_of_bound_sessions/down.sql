DROP INDEX sessions_active_by_bound;
DROP INDEX sessions_ended_by_bound;
