//! `/sessions`: the signed-in user's active sessions, and ending them.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use super::signed_out::signed_out;
use crate::{
    accounts::{changes::OwnEnd, service::Accounts},
    error::Error,
    layout::{AlikeSessions, Flash, Layout, SessionFacts, see_other},
    security::Client,
    sessions::{CurrentUser, catalogue::cursor::Cursor},
    web::{FieldErrors, ListAddress, Moment, NO_SUCH_PAGE, Query, form_page, html},
};

#[derive(Template)]
#[template(path = "accounts/sessions.html")]
struct MySessionsPage {
    layout: Layout,
    errors: FieldErrors,
    /// How many sessions the page shows.
    count: usize,
    entries: Vec<AlikeSessions>,
    /// When somebody else presented a key of a session of the user, if that was lately.
    key_stolen: Option<Moment>,
    first_page: Option<String>,
    next_page: Option<String>,
}

/// `?after=`: where the page starts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MySessionsQuery {
    after: String,
}

/// `GET /sessions`: this session first, then the others, 50 a page.
///
/// # Errors
/// [`Error::Unavailable`] when store or database can't be read.
pub async fn show(
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    query: Query<MySessionsQuery>,
) -> Result<HttpResponse, Error> {
    let after = query.into_inner().after;
    let address = ListAddress { path: "/sessions", filters: Vec::new(), options: Vec::new() };
    let first_page = (!after.is_empty()).then(|| address.href(None));
    let cursor = Cursor::parse(&after);
    let mut errors = FieldErrors::default();
    if first_page.is_some() && cursor.is_none() {
        errors.add_form(NO_SUCH_PAGE);
        let page = MySessionsPage {
            layout,
            errors: errors.clone(),
            count: 0,
            entries: Vec::new(),
            key_stolen: None,
            first_page,
            next_page: None,
        };
        return Ok(form_page(&page, &errors));
    }
    let page = accounts.own_sessions(&user, cursor.as_ref()).await?;
    let uses = accounts.sites_of(&page.rows).await?;
    let facts = |session| SessionFacts::of(session, &user.session.id).used_at(&uses);
    let shown: Vec<SessionFacts> = page.rows.iter().map(facts).collect();
    let key_stolen = accounts.key_stolen_lately(user.id).await?.map(Moment::new);
    let (count, entries) = (shown.len(), AlikeSessions::group(shown));
    let next_page = page.next.map(|cursor| address.href(Some(&cursor.to_string())));
    let page = MySessionsPage { layout, errors, count, entries, key_stolen, first_page, next_page };
    Ok(html(StatusCode::OK, &page))
}

/// `POST /sessions/{id}/end`: ends one of the user's own sessions; another user's is not found.
///
/// # Errors
/// As [`Accounts::end_own_session`].
pub async fn end(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
    id: web::Path<String>,
) -> Result<HttpResponse, Error> {
    match accounts.end_own_session(&req, &user, id.into_inner(), client).await? {
        OwnEnd::SignedOut => Ok(signed_out(&req, "/", Flash::SignedOut)),
        OwnEnd::Other(outcome) => Ok(see_other("/sessions", Flash::ended(outcome))),
    }
}

/// `POST /sessions/end-others`: ends the user's other sessions; a sign-in in progress starts no session either.
///
/// # Errors
/// As [`Accounts::end_other_sessions`].
pub async fn end_others(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    let ended = accounts.end_other_sessions(&req, &user, client).await?;
    Ok(see_other("/sessions", Flash::OthersEnded(ended)))
}
