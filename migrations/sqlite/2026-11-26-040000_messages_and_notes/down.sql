UPDATE events SET detail = detail || ': ' || note WHERE note IS NOT NULL AND detail NOT LIKE '%: %';
ALTER TABLE events DROP COLUMN note;
UPDATE sessions SET end_note = end_message WHERE end_message IS NOT NULL;
ALTER TABLE sessions DROP COLUMN end_message;
