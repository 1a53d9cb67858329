//! Who changes an account, and from where.

use crate::{
    db::DbConnection,
    error::Error,
    events::{Event, EventKind},
    security::Client,
    sessions::{Administrator, EndReason, EndRequest, Remarks, catalogue::rights::AdminRights},
};

/// Who changes an account, and from where.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The user; `None`: an operator on the command line.
    pub user: Option<i64>,
    /// Those of an administrator who uses a page; `None`: the actor needs none.
    pub rights: Option<AdminRights>,
    /// Where from.
    pub client: Option<Client>,
}

impl Actor {
    /// An operator on the command line.
    pub const OPERATOR: Self = Self { user: None, rights: None, client: None };

    /// An administrator on a page.
    pub fn administrator(admin: &Administrator, client: Client) -> Self {
        Self { user: Some(admin.id), rights: Some(admin.rights()), client: Some(client) }
    }

    /// The user of the account, who is signed in or has a one-time link.
    pub fn owner(user: i64, client: Client) -> Self {
        Self { user: Some(user), rights: None, client: Some(client) }
    }

    /// Checks that an administrator on a page still is one, signed in. To be called inside the transaction of the change once
    /// it holds its locks: it may have waited for the very change that ends those rights.
    ///
    /// # Errors
    /// As [`AdminRights::check`].
    pub fn check(&self, conn: &mut DbConnection) -> Result<(), Error> {
        self.rights.as_ref().map_or(Ok(()), |rights| rights.check(conn))
    }

    pub(super) fn event(&self, kind: EventKind, user: i64, detail: Option<&str>) -> Event {
        let event = Event::new(kind, Some(user)).by(self.user).from(self.client.as_ref());
        match (detail, self.user) {
            (Some(detail), _) => event.detail(detail),
            (None, Some(_)) => event,
            (None, None) => event.detail("command line"),
        }
    }

    pub(super) fn end_request(&self, reason: EndReason, remarks: Remarks) -> EndRequest {
        EndRequest { reason, by: self.user, remarks, client: self.client.clone() }
    }
}
