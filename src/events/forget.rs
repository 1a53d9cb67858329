//! What is taken out of the security log when an account is deleted: texts that somebody has written, which may name the person.
//! What happened, when, and from where stays.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::kind::EventKind;
use crate::{
    db::{DbConnection, schema::events},
    error::Error,
};

/// Events that one statement names.
const NAMED_AT_ONCE: usize = 1_000;

/// Deletes all notes and messages of a user's events, inside the transaction that deletes the account.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn forget_texts(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    let of_user = || events::table.filter(events::user_id.eq(user));
    let with_note = of_user().filter(events::note.is_not_null());
    diesel::update(with_note).set(events::note.eq(None::<String>)).execute(conn)?;
    let kinds = [
        EventKind::Deactivated,
        EventKind::SecondFactorReset,
        EventKind::PasskeyAdded,
        EventKind::PasskeyRemoved,
        EventKind::PasskeyCloned,
    ];
    let with_text = of_user().filter(events::kind.eq_any(kinds));
    diesel::update(with_text).set(events::detail.eq(None::<String>)).execute(conn)?;
    // "ended_by_admin: message"
    let ended: Vec<(i64, String)> = of_user()
        .filter(events::kind.eq(EventKind::SessionEnded))
        .filter(events::detail.like("%: %"))
        .select((events::id, events::detail.assume_not_null()))
        .load(conn)?;
    let mut by_reason: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (id, detail) in &ended {
        let reason = detail.split_once(": ").map_or(detail.as_str(), |(reason, _)| reason);
        by_reason.entry(reason).or_default().push(*id);
    }
    for (reason, ids) in by_reason {
        for ids in ids.chunks(NAMED_AT_ONCE) {
            let named = events::table.filter(events::id.eq_any(ids));
            diesel::update(named).set(events::detail.eq(reason)).execute(conn)?;
        }
    }
    Ok(())
}
