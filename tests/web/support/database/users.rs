//! The `users` table. A user is named by an email address, as it was registered, or by a [`Person`].

use std::sync::atomic::{AtomicI32, Ordering};

use super::quoted;
use crate::support::{stack::Backend, stores::Stores, users::Person};

impl AsRef<str> for Person {
    /// The email address.
    fn as_ref(&self) -> &str {
        &self.email
    }
}

/// An administrator who is there while an application starts, so that it takes the site as set up. Dropping this deletes the
/// account; an application that has started asks no more.
pub struct PassingAdministrator<'a> {
    stores: &'a Stores,
    id: i32,
}

impl Drop for PassingAdministrator<'_> {
    fn drop(&mut self) {
        self.stores.sql(&format!("DELETE FROM users WHERE id = {}", self.id));
    }
}

impl Stores {
    /// Adds an administrator without a password, whose id none of the application's is.
    #[track_caller]
    pub fn passing_administrator(&self) -> PassingAdministrator<'_> {
        static NEXT: AtomicI32 = AtomicI32::new(1);
        let id = -NEXT.fetch_add(1, Ordering::Relaxed);
        self.sql(&format!(
            "INSERT INTO users (id, name, email, email_key, search_text, password_hash, role, active, session_epoch, created_at, updated_at) \
             VALUES ({id}, 'Root', 'root{id}', 'root{id}', 'root', '', 'admin', true, 0, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
        ));
        PassingAdministrator { stores: self, id }
    }

    /// How many users there are.
    #[track_caller]
    pub fn user_count(&self) -> usize {
        self.count("users")
    }

    /// Name, email address and role of every user, the oldest first.
    #[track_caller]
    pub fn users(&self) -> Vec<Vec<String>> {
        let rows = self.query_text("SELECT name, email, role FROM users ORDER BY id");
        rows.into_iter().map(|row| row.into_iter().flatten().collect()).collect()
    }

    /// The id of a user's account.
    #[track_caller]
    pub fn user_id(&self, user: impl AsRef<str>) -> String {
        self.user_column("id", user)
    }

    /// A user's name.
    #[track_caller]
    pub fn name_of(&self, user: impl AsRef<str>) -> String {
        self.user_column("name", user)
    }

    /// A user's role: `user` or `admin`.
    #[track_caller]
    pub fn role_of(&self, user: impl AsRef<str>) -> String {
        self.user_column("role", user)
    }

    /// The hash of a user's password; empty while the user is invited.
    #[track_caller]
    pub fn password_hash_of(&self, user: impl AsRef<str>) -> String {
        self.user_column("password_hash", user)
    }

    /// The hashes of all passwords.
    #[track_caller]
    pub fn password_hashes(&self) -> Vec<String> {
        self.query_column("SELECT password_hash FROM users ORDER BY id")
    }

    /// The email addresses of the administrators whose accounts are active.
    #[track_caller]
    pub fn administrators(&self) -> Vec<String> {
        self.query_column("SELECT email FROM users WHERE role = 'admin' AND active ORDER BY email")
    }

    /// Makes a user an administrator, whatever the rules say.
    #[track_caller]
    pub fn make_admin(&self, user: impl AsRef<str>) {
        self.update_user(user, "role = 'admin'");
    }

    /// Takes the role of an administrator from a user, whatever the rules say.
    #[track_caller]
    pub fn demote(&self, user: impl AsRef<str>) {
        self.update_user(user, "role = 'user'");
    }

    /// Changes a user's name.
    #[track_caller]
    pub fn rename_user(&self, user: impl AsRef<str>, name: &str) {
        let email = user.as_ref();
        let text = gatehouse::users::search_text(name, email, &gatehouse::users::email_key(email));
        self.update_user(email, &format!("name = {}, search_text = {}", quoted(name), quoted(&text)));
    }

    /// Replaces the hash of a user's password.
    #[track_caller]
    pub fn set_password_hash(&self, user: impl AsRef<str>, hash: &str) {
        self.update_user(user, &format!("password_hash = {}", quoted(hash)));
    }

    /// Marks the address of an account as confirmed.
    #[track_caller]
    pub fn confirm_email(&self, user: impl AsRef<str>) {
        self.update_user(user, "email_confirmed_at = '2026-01-01 00:00:00'");
    }

    /// Marks an account as active or not, and changes nothing else.
    #[track_caller]
    pub fn set_active(&self, user: impl AsRef<str>, active: bool) {
        self.update_user(user, &format!("active = {active}"));
    }

    /// Deactivates an account as the application does: its sessions end.
    #[track_caller]
    pub fn deactivate(&self, user: impl AsRef<str>) {
        let id = self.user_id(&user);
        self.update_user(user, "active = false, session_epoch = session_epoch + 1");
        let theirs = format!("user_id = {id} AND ended_at IS NULL");
        if self.backend() == Backend::Redis {
            self.sql(&format!(
                "INSERT INTO pending_deletions SELECT id, user_id, store_key FROM sessions WHERE {theirs}"
            ));
        }
        self.sql(&format!(
            "UPDATE sessions SET ended_at = CURRENT_TIMESTAMP, end_reason = 'user_deactivated', state = NULL \
             WHERE {theirs}"
        ));
    }

    /// Adds `Person 0`, `Person 1` and so on without passwords; every other one is deactivated.
    #[track_caller]
    pub fn insert_users(&self, count: usize) {
        let rows: Vec<String> = (0..count)
            .map(|n| {
                format!(
                    "('Person {n}', 'p{n}@example.org', 'p{n}@example.org', 'person {n}\np{n}@example.org', '', \
                     'user', {}, 0, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)",
                    n % 2 == 0
                )
            })
            .collect();
        self.sql(&format!(
            "INSERT INTO users (name, email, email_key, search_text, password_hash, role, active, session_epoch, created_at, \
             updated_at) VALUES {}",
            rows.join(",")
        ));
    }

    /// Empties the texts that users and sessions are found by, as they are right after the migration that adds them.
    #[track_caller]
    pub fn forget_search_texts(&self) {
        self.sql("UPDATE users SET search_text = ''");
        self.sql("UPDATE sessions SET person = 'from before'");
    }

    /// Adds users as they are right after that migration.
    #[track_caller]
    pub fn insert_users_without_search_text(&self, count: usize) {
        self.insert_users(count);
        self.sql("UPDATE users SET search_text = '' WHERE password_hash = ''");
    }

    /// Gives a user an address as a version kept it that compared addresses in lower case only.
    #[track_caller]
    pub fn make_address_of_before(&self, user: impl AsRef<str>, email: &str) {
        let key = quoted(&email.to_lowercase());
        self.update_user(user, &format!("email = {}, email_key = {key}, search_text = ''", quoted(email)));
    }

    /// Deletes an account, and its sessions with it.
    #[track_caller]
    pub fn delete_user(&self, user: impl AsRef<str>) {
        let email = quoted(user.as_ref());
        assert_eq!(self.sql(&format!("DELETE FROM users WHERE email = {email}")), 1, "{email}");
    }

    /// How many users have no text that they are found by.
    #[track_caller]
    pub fn users_without_search_text(&self) -> usize {
        self.count("users WHERE search_text = ''")
    }

    /// Asserts that every session has its user's search text.
    #[track_caller]
    pub fn assert_search_texts_copied(&self) {
        let differing = "sessions JOIN users ON users.id = user_id WHERE person <> search_text";
        assert_eq!(self.count(differing), 0);
    }

    #[track_caller]
    fn user_column(&self, column: &str, user: impl AsRef<str>) -> String {
        let email = user.as_ref();
        self.query_one(&format!("SELECT {column} FROM users WHERE email = {}", quoted(email)))
            .unwrap_or_else(|| panic!("there is no user {email}"))
    }

    #[track_caller]
    fn update_user(&self, user: impl AsRef<str>, set: &str) {
        let email = quoted(user.as_ref());
        assert_eq!(self.sql(&format!("UPDATE users SET {set} WHERE email = {email}")), 1, "{email}");
    }
}
