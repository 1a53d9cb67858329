-- Mail that has not been accepted yet. A row is deleted once a server has accepted the mail.
CREATE TABLE mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    message TEXT,             -- as it is sent; NULL once it was given up, since it may hold a link
    created_at TIMESTAMP NOT NULL,
    due_at TIMESTAMP NOT NULL, -- when it is sent next; whoever sends it moves this on first, so that nobody else does
    tries BIGINT NOT NULL DEFAULT 0,
    tried_at TIMESTAMP,       -- when it was last refused
    error TEXT,               -- why
    given_up_at TIMESTAMP
);
CREATE INDEX mails_due ON mails (due_at) WHERE given_up_at IS NULL;
CREATE INDEX mails_tried ON mails (tried_at) WHERE tried_at IS NOT NULL;
