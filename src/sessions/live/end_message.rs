//! Why a session ended, as its user is told: on the page that is open, or at the next click.

use actix_web::HttpRequest;
use diesel::prelude::*;
use time::PrimitiveDateTime;

use crate::{
    app::Site,
    config,
    db::{
        DbConnection, now,
        schema::sessions::{self, dsl},
    },
    error::Error,
    sessions::{request::current::CurrentUser, request_context::Visit, service::time_duration},
};

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// The name of the reason.
    pub reason: String,
    /// What the administrator wrote.
    note: Option<String>,
}

impl Farewell {
    /// The farewell to a session that ended for the reason of that name.
    pub fn new(reason: &str, note: Option<&str>) -> Self {
        Self { reason: reason.to_owned(), note: note.map(str::to_owned) }
    }

    /// What its user is told.
    pub fn sentence(&self) -> String {
        let sentence = match (self.reason.as_str(), &self.note) {
            ("ended_by_admin", Some(note)) => {
                return format!("You were signed out by an administrator: {note}");
            }
            ("ended_by_admin", None) => "You were signed out by an administrator.",
            ("logout", _) => "You signed out.",
            ("ended_by_user", _) => "You were signed out from another device.",
            ("password_changed", _) => {
                "You were signed out because the password of your account was changed."
            }
            ("limit", _) => {
                "You were signed out because you signed in on another device; only so many sessions are allowed \
                 at once."
            }
            ("replaced", _) => "You signed in again in this browser.",
            ("idle", _) => "You were signed out because you had not been here for a while.",
            ("absolute", _) => "You were signed out because the time of this session was up.",
            ("user_deactivated", _) => "You were signed out because your account was deactivated.",
            _ => "Your session is over. Sign in again to go on.",
        };
        sentence.to_owned()
    }

    /// Whether the next page says it too: not of what the browser did itself.
    fn is_news(&self) -> bool {
        matches!(
            self.reason.as_str(),
            "ended_by_admin"
                | "ended_by_user"
                | "password_changed"
                | "limit"
                | "idle"
                | "absolute"
                | "user_deactivated"
        )
    }
}

/// The session that a request's cookie led to, which has ended.
pub struct Departed {
    /// The public session id.
    pub id: String,
    /// Why it ended.
    pub farewell: Farewell,
}

impl Departed {
    /// Whose key the request came with, when that session has ended by other hands than the browser's own. Asked
    /// only for those who are not signed in; found by nothing but the key itself.
    pub async fn of(req: &HttpRequest) -> Option<Self> {
        let key = Visit::with(|visit| {
            let loaded = visit.loaded.as_ref().map(|loaded| loaded.store_key.clone());
            visit.dead_key.clone().or(loaded)
        })
        .flatten()?;
        if !matches!(CurrentUser::find(req).await, Ok(None)) {
            return None;
        }
        let site = Site::of(req).ok()?;
        let config = site.config.session.clone();
        match site.db.run(move |conn| find(conn, &key, &config)).await {
            Ok(departed) => departed.filter(|departed| departed.farewell.is_news()),
            Err(error) => {
                tracing::debug!(error = ?error.causes(), "why a session ended could not be read");
                None
            }
        }
    }
}

type Row = (
    String,
    Option<PrimitiveDateTime>,
    Option<String>,
    Option<String>,
    PrimitiveDateTime,
    PrimitiveDateTime,
    bool,
);

/// One that has expired may not have been swept up yet.
fn find(
    conn: &mut DbConnection,
    store_key: &str,
    config: &config::Session,
) -> Result<Option<Departed>, Error> {
    let row = sessions::table
        .filter(dsl::store_key.eq(store_key))
        .select((
            dsl::id,
            dsl::ended_at,
            dsl::end_reason,
            dsl::end_note,
            dsl::last_seen_at,
            dsl::absolute_expires_at,
            dsl::remembered,
        ))
        .first::<Row>(conn)
        .optional()?;
    let Some((id, ended_at, reason, note, last_seen_at, absolute_expires_at, remembered)) = row else {
        return Ok(None);
    };
    let unused = now() - last_seen_at;
    let reason = match reason {
        _ if ended_at.is_none() && absolute_expires_at <= now() => "absolute".to_owned(),
        _ if ended_at.is_none() && unused >= time_duration(config.ttl(remembered)) => "idle".to_owned(),
        Some(reason) if ended_at.is_some() => reason,
        _ => return Ok(None),
    };
    Ok(Some(Departed { id, farewell: Farewell { reason, note } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_administrator_s_words_are_passed_on() {
        let sentence = |note| Farewell::new("ended_by_admin", note).sentence();
        assert_eq!(sentence(Some("Laptop stolen")), "You were signed out by an administrator: Laptop stolen");
        assert_eq!(sentence(None), "You were signed out by an administrator.");
    }

    #[test]
    fn nobody_is_told_at_the_next_click_what_they_did_themselves() {
        for (reason, news) in [("logout", false), ("replaced", false), ("missing", false), ("idle", true)] {
            assert_eq!(Farewell::new(reason, None).is_news(), news, "{reason}");
        }
    }
}
