//! The `tokens` table: the one-time links of the set-up, of invitations and of password resets.

use super::quoted;
use crate::support::stores::Stores;

impl Stores {
    /// The hashes of all tokens.
    #[track_caller]
    pub fn token_hashes(&self) -> Vec<String> {
        self.query_column("SELECT token_hash FROM tokens ORDER BY token_hash")
    }

    /// How many tokens there are with which users choose passwords.
    #[track_caller]
    pub fn user_token_count(&self) -> usize {
        self.count("tokens WHERE purpose IN ('invite', 'reset')")
    }

    /// How many tokens there are about addresses, `confirm` or `undo`.
    #[track_caller]
    pub fn address_token_count(&self, purpose: &str) -> usize {
        self.count(&format!("tokens WHERE purpose = {}", quoted(purpose)))
    }

    /// What each user's token for a password is for, and the user's email address.
    #[track_caller]
    pub fn user_tokens(&self) -> Vec<Vec<String>> {
        let select = "SELECT purpose, users.email FROM tokens JOIN users ON users.id = user_id \
                      WHERE purpose IN ('invite', 'reset') ORDER BY purpose";
        self.query_text(select).into_iter().map(|row| row.into_iter().flatten().collect()).collect()
    }

    /// When the only password reset began, and when it expires.
    #[track_caller]
    pub fn reset_token_times(&self) -> [String; 2] {
        let times = self.query_text("SELECT created_at, expires_at FROM tokens WHERE purpose = 'reset'");
        times.concat().into_iter().flatten().collect::<Vec<_>>().try_into().unwrap()
    }

    /// Adds a token of a user, valid until 2099.
    #[track_caller]
    pub fn insert_token(&self, purpose: &str, user: impl AsRef<str>, hash: &str) {
        let user = self.user_id(user);
        self.sql(&format!(
            "INSERT INTO tokens (token_hash, purpose, user_id, created_at, expires_at) \
             VALUES ({}, {}, {user}, CURRENT_TIMESTAMP, '2099-01-01 00:00:00')",
            quoted(hash),
            quoted(purpose)
        ));
    }

    /// Adds a token about an address of a user, `confirm` or `undo`, valid until 2099.
    #[track_caller]
    pub fn insert_address_token(&self, purpose: &str, user: impl AsRef<str>, email: &str, token: &str) {
        let hash = gatehouse::crypto::sha256_hex(token);
        self.insert_token(purpose, user, &hash);
        let key =
            if purpose == "undo" { quoted(&gatehouse::users::email_key(email)) } else { "NULL".to_owned() };
        let (email, hash) = (quoted(email), quoted(&hash));
        self.sql(&format!("UPDATE tokens SET email = {email}, email_key = {key} WHERE token_hash = {hash}"));
    }

    /// Expires all tokens.
    #[track_caller]
    pub fn expire_tokens(&self) {
        self.sql("UPDATE tokens SET expires_at = '2020-01-01 00:00:00'");
    }

    /// Makes all tokens valid until 2099.
    #[track_caller]
    pub fn revive_tokens(&self) {
        self.sql("UPDATE tokens SET expires_at = '2099-01-01 00:00:00'");
    }
}
