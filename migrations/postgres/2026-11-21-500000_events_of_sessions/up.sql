-- What happened to a session is found among what happened to its user: an index of its own wrote a page in a place of its own for
-- each sign-in and each end.
DROP INDEX events_by_session;
