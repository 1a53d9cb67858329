//! All that is stored of a person, as one JSON document that is read and sent in parts: a long history takes no more memory than a short
//! one, and no database connection is held while the client reads.

use serde::Serialize;

use super::{
    actor::Actor,
    changes::check_live,
    export_records::{self as records, ExportFor, Head},
    service::Accounts,
};
use crate::{
    clock::now,
    db::{Db, DbConnection},
    error::Error,
    events::{
        EventKind,
        log::{self, Filter},
    },
    mail::Outbox,
    sessions::catalogue::{list, rights::AdminRights, sign_in_notices, site_cookies},
    users::{User, passkeys, recovery_codes, tokens, totp, trusted_browsers},
};

/// Rows that are read at once.
const BATCH_SIZE: i64 = 1_000;

/// Whether an export is made, or only asked for by `HEAD`, which changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The security log says that it was made.
    Yes,
    /// It does not.
    No,
}

/// An export in progress.
pub struct Export {
    db: Db,
    user: i64,
    /// Those of an administrator who reads it; `None`: the user does.
    rights: Option<AdminRights>,
    /// The public id of the session that reads it.
    session: String,
    next: Part,
}

/// What is read next.
enum Part {
    Head,
    /// The sessions after the one with this id.
    Sessions(Option<String>),
    /// The events before the one with this id.
    Events(Option<i64>),
    End,
}

impl Accounts {
    /// Begins an export of what is stored of a user. `by`: the user, or an administrator, in the session with this id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; [`Error::SignInFirst`] when the session has ended, [`Error::Forbidden`] when
    /// its user is no administrator any more; [`Error::Unavailable`] when the database can't be read.
    pub async fn export(
        &self,
        user: i64,
        by: Actor,
        session: String,
        recorded: Recorded,
    ) -> Result<Export, Error> {
        let (rights, own) = (by.rights.clone(), session.clone());
        let begin = move |conn: &mut DbConnection| {
            User::by_id(conn, user)?;
            check(conn, by.rights.as_ref(), &own)?;
            let event = by.event(EventKind::Exported, user, None);
            match (recorded, &by.rights) {
                (Recorded::No, _) => Ok(()),
                (Recorded::Yes, None) => event.session(&own).write(conn),
                (Recorded::Yes, Some(_)) => event.write(conn),
            }
        };
        self.db.transaction(begin).await?;
        Ok(Export { db: self.db.with_long_timeout(), user, rights, session, next: Part::Head })
    }
}

impl Export {
    /// The next part of the document; `None` after the last.
    ///
    /// # Errors
    /// As [`Accounts::export`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let (user, rights, session) = (self.user, self.rights.clone(), self.session.clone());
        let reader = if rights.is_some() { ExportFor::Administrator } else { ExportFor::Owner };
        let part = std::mem::replace(&mut self.next, Part::End);
        let read = move |conn: &mut DbConnection| {
            check(conn, rights.as_ref(), &session)?;
            match part {
                Part::Head => Ok(Some((head(conn, user)?, Part::Sessions(None)))),
                Part::Sessions(after) => sessions(conn, user, reader, after).map(Some),
                Part::Events(before) => events(conn, user, reader, before).map(Some),
                Part::End => Ok(None),
            }
        };
        let Some((text, next)) = self.db.run(read).await? else { return Ok(None) };
        self.next = next;
        Ok(Some(text))
    }
}

/// Checks that whoever reads still may.
fn check(conn: &mut DbConnection, rights: Option<&AdminRights>, session: &str) -> Result<(), Error> {
    match rights {
        None => check_live(conn, session),
        Some(rights) => rights.check(conn),
    }
}

fn head(conn: &mut DbConnection, user: i64) -> Result<Vec<u8>, Error> {
    let head = Head {
        exported_at: records::utc(now()),
        account: User::by_id(conn, user)?.into(),
        second_factor: records::SecondFactor {
            passkeys: passkeys::of_user(conn, user)?.into_iter().map(Into::into).collect(),
            authenticator_since: totp::since(conn, user)?.map(records::utc),
            recovery_codes_left: recovery_codes::left(conn, user)?,
            trusted_browsers: trusted_browsers::of_user(conn, user)?.into_iter().map(Into::into).collect(),
        },
        links: tokens::of_user(conn, user)?.into_iter().map(Into::into).collect(),
        mails: Outbox::mails_of(conn, user)?.into_iter().map(Into::into).collect(),
        sign_in_notices: sign_in_notices::of_user(conn, user)?.into_iter().map(Into::into).collect(),
    };
    let mut text = serde_json::to_vec_pretty(&head).map_err(Error::internal)?;
    // The closing brace comes at the end.
    text.truncate(text.trim_ascii_end().len() - 2);
    text.extend_from_slice(b",\n  \"sessions\": [");
    Ok(text)
}

fn sessions(
    conn: &mut DbConnection,
    user: i64,
    reader: ExportFor,
    after: Option<String>,
) -> Result<(Vec<u8>, Part), Error> {
    let found = list::of_user(conn, user, after.as_deref(), BATCH_SIZE)?;
    let last = (found.len() == BATCH_SIZE as usize).then(|| found.last().map(|session| session.id.clone()));
    let is_first = after.is_none();
    let ids: Vec<String> = found.iter().map(|session| session.id.clone()).collect();
    let uses = site_cookies::of_sessions(conn, &ids)?;
    let record = |session| records::Session::new(session, reader, &uses);
    let mut text = lines(found.into_iter().map(record), is_first)?;
    Ok(match last.flatten() {
        Some(id) => (text, Part::Sessions(Some(id))),
        None => {
            text.extend_from_slice(b"\n  ],\n  \"events\": [");
            (text, Part::Events(None))
        }
    })
}

fn events(
    conn: &mut DbConnection,
    user: i64,
    reader: ExportFor,
    before: Option<i64>,
) -> Result<(Vec<u8>, Part), Error> {
    let found = log::page(conn, &Filter::of_user(user), before, BATCH_SIZE)?;
    let last = (found.len() == BATCH_SIZE as usize).then(|| found.last().map(|event| event.id));
    let is_first = before.is_none();
    let mut text = lines(found.into_iter().map(|event| records::Event::new(event, user, reader)), is_first)?;
    Ok(match last.flatten() {
        Some(id) => (text, Part::Events(Some(id))),
        None => {
            text.extend_from_slice(b"\n  ]\n}\n");
            (text, Part::End)
        }
    })
}

/// Records of a list, one a line. `is_first`: no others are before them.
fn lines<T: Serialize>(records: impl Iterator<Item = T>, is_first: bool) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    for (index, record) in records.enumerate() {
        let between: &[u8] = if is_first && index == 0 { b"\n    " } else { b",\n    " };
        text.extend_from_slice(between);
        serde_json::to_writer(&mut text, &record).map_err(Error::internal)?;
    }
    Ok(text)
}
