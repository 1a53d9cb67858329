//! The account service: the operations on accounts that pages, JSON calls and the command line share. Each is one transaction.

use std::sync::Arc;

use crate::{
    config,
    db::Db,
    sessions::Sessions,
    users::{SetUp, password::Passwords, password_policy},
};

/// The accounts of the site; cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(super) db: Db,
    pub(super) passwords: Passwords,
    pub(super) sessions: Arc<Sessions>,
    pub(super) rules: config::Accounts,
    pub(super) set_up: Arc<SetUp>,
}

impl Accounts {
    /// The service over these parts.
    pub fn new(db: Db, passwords: Passwords, sessions: Arc<Sessions>, rules: config::Accounts) -> Self {
        let set_up = Arc::new(SetUp::new(db.clone()));
        Self { db, passwords, sessions, rules, set_up }
    }

    /// Who may have an account, and with which password.
    pub fn rules(&self) -> &config::Accounts {
        &self.rules
    }

    /// Why a new password is refused, or `None` when it is good enough. `about`: the user's name and address.
    pub fn password_weakness(&self, password: &str, about: &[&str]) -> Option<String> {
        password_policy::weakness(password, self.rules.password_min_length, about)
    }
}
