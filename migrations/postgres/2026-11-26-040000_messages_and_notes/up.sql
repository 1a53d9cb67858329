-- What whoever was signed out reads is kept apart from the note for the record. What was written before was asked for as part of
-- the record, so it stays there.
ALTER TABLE sessions ADD COLUMN end_message TEXT;
ALTER TABLE events ADD COLUMN note TEXT;
UPDATE events SET note = substr(detail, 17), detail = 'ended_by_admin'
WHERE kind = 'session_ended' AND detail LIKE 'ended_by_admin: %';
