//! Locks that a test holds while the application waits for them.

use super::{Database, quoted};
use crate::support::{eventually::eventually, stack::Stack, stores::Stores};

/// An open transaction that holds locks until it is committed, or rolled back when this is dropped.
pub struct HeldLock(Database);

impl HeldLock {
    /// Commits the transaction: what it changed counts, and its locks are released.
    #[track_caller]
    pub fn commit(mut self) {
        self.0.run("COMMIT");
    }

    /// Runs a statement in the transaction.
    #[track_caller]
    pub fn run(&mut self, statement: &str) {
        self.0.run(statement);
    }

    /// Takes the role of an administrator from the user with this id, in the transaction.
    #[track_caller]
    pub fn demote(&mut self, user_id: &str) {
        self.0.run(&format!("UPDATE users SET role = 'user' WHERE id = {user_id}"));
    }

    /// Writes the event of a session's end in the transaction.
    #[track_caller]
    pub fn log_end(&mut self, id: &str) {
        let id = quoted(id);
        self.0.run(&format!(
            "INSERT INTO events (at, kind, user_id, session_id, detail) SELECT now() AT TIME ZONE 'utc', 'session_ended', \
             user_id, id, 'ended_by_user' FROM sessions WHERE id = {id}"
        ));
    }

    /// Ends a session in the transaction.
    #[track_caller]
    pub fn end_session(&mut self, id: &str) {
        let id = quoted(id);
        self.0.run(&format!(
            "UPDATE sessions SET ended_at = now(), end_reason = 'ended_by_user' WHERE id = {id}"
        ));
    }
}

impl Stores {
    /// A transaction of Postgres that has done nothing yet.
    #[track_caller]
    pub fn transaction(&self) -> HeldLock {
        self.lock("BEGIN")
    }

    /// Locks the rows of all users; in SQLite the whole database, for writing.
    #[track_caller]
    pub fn lock_users(&self) -> HeldLock {
        self.lock(match self.stack() {
            Stack::Sqlite => "BEGIN IMMEDIATE",
            Stack::PostgresRedis => "BEGIN; SELECT 1 FROM users FOR UPDATE",
        })
    }

    /// Locks the sessions for writing; in SQLite the whole database.
    #[track_caller]
    pub fn lock_sessions(&self) -> HeldLock {
        self.lock(match self.stack() {
            Stack::Sqlite => "BEGIN IMMEDIATE",
            Stack::PostgresRedis => "BEGIN; LOCK TABLE sessions IN EXCLUSIVE MODE",
        })
    }

    /// Lets nobody be added to the users, on Postgres.
    #[track_caller]
    pub fn lock_new_users(&self) -> HeldLock {
        self.lock("BEGIN; LOCK TABLE users IN SHARE MODE")
    }

    /// Locks the rows of all one-time links, on Postgres.
    #[track_caller]
    pub fn lock_tokens(&self) -> HeldLock {
        self.lock("BEGIN; SELECT 1 FROM tokens FOR UPDATE")
    }

    /// Locks a table of Postgres for reading and writing.
    #[track_caller]
    pub fn lock_table(&self, table: &str) -> HeldLock {
        self.lock(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
    }

    /// Lets new connections to a Postgres database only read, or write again. Open ones are closed when writes end, and stay when
    /// they begin again.
    #[track_caller]
    pub fn set_read_only(&self, read_only: bool) {
        self.run_script(&format!(
            "BEGIN READ WRITE; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {read_only}', \
             current_database()); END $$; COMMIT"
        ));
        if read_only {
            self.run_script(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
        }
    }

    /// Changes the rows of all users in a transaction, so that requests that write them wait.
    #[track_caller]
    pub fn touch_users(&self) -> HeldLock {
        self.lock("BEGIN; UPDATE users SET updated_at = updated_at")
    }

    /// Ends the connections that listen for messages of other instances; returns how many there were.
    pub fn end_listening(&self) -> usize {
        let end = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
                   WHERE datname = current_database() AND query LIKE 'LISTEN %'";
        self.query_text(end).len()
    }

    /// Deactivates all users in a transaction.
    #[track_caller]
    pub fn deactivate_users_uncommitted(&self) -> HeldLock {
        self.lock("BEGIN; UPDATE users SET active = false, session_epoch = session_epoch + 1")
    }

    /// Changes the rows of all users in a transaction, as what makes open sign-ins void does.
    #[track_caller]
    pub fn change_users_uncommitted(&self, set: &str) -> HeldLock {
        self.lock(&format!("BEGIN; UPDATE users SET session_epoch = session_epoch + 1, {set}"))
    }

    /// Locks the row of one active session of a user that is no administrator: the one used last but for ten.
    #[track_caller]
    pub fn lock_eleventh_session(&self) -> HeldLock {
        self.lock(
            "BEGIN; SELECT 1 FROM sessions WHERE ended_at IS NULL AND role = 'user' \
             ORDER BY last_seen_at DESC LIMIT 1 OFFSET 10 FOR UPDATE",
        )
    }

    /// Changes the rows of a user's sessions in a transaction.
    #[track_caller]
    pub fn touch_sessions_of(&self, user: impl AsRef<str>) -> HeldLock {
        let user = self.user_id(user);
        self.lock(&format!("BEGIN; UPDATE sessions SET remembered = NOT remembered WHERE user_id = {user}"))
    }

    /// Waits until this many queries of Postgres wait for a lock.
    pub async fn wait_for_blocked(&self, queries: usize) {
        self.wait_for_blocked_like(queries, "%").await;
    }

    /// Waits until this many queries of Postgres that match the pattern wait for a lock.
    pub async fn wait_for_blocked_like(&self, queries: usize, pattern: &str) {
        let blocked = format!(
            "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE {}",
            quoted(pattern)
        );
        eventually(|| async { self.count(&blocked) == queries }).await;
    }

    #[track_caller]
    fn lock(&self, statements: &str) -> HeldLock {
        let mut connection = self.connect();
        connection.run(statements);
        HeldLock(connection)
    }
}
