//! `/sign-in/check`: what the link in a notice of a new browser leads to. It shows that one session and, after a button, ends it and
//! mails a link to choose a new password. Works without signing in.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

use super::{
    forms::{CheckForm, TokenQuery},
    invalid_link::InvalidLink,
    signed_out::signed_out,
};
use crate::{
    accounts::service::Accounts,
    error::Error,
    layout::{Flash, Layout, SessionFacts, see_other},
    security::Client,
    sessions::catalogue::list::ListedSession,
    users::User,
    web::{FieldErrors, Form, Moment, Query, form_page, html},
};

#[derive(Template)]
#[template(path = "accounts/disown.html")]
struct NoticedSessionPage {
    layout: Layout,
    errors: FieldErrors,
    token: String,
    email: String,
    /// `None`: it ended so long ago that nothing is stored of it.
    session: Option<NoticedSession>,
}

/// The session as the page shows it.
struct NoticedSession {
    facts: SessionFacts,
    /// When and why it ended.
    end: Option<(Moment, &'static str)>,
}

impl NoticedSessionPage {
    fn new(layout: Layout, token: String, found: (User, Option<ListedSession>), errors: FieldErrors) -> Self {
        let (user, session) = found;
        let own = layout.user.as_ref().map(|user| user.session_id.clone()).unwrap_or_default();
        let session = session.map(|session| NoticedSession {
            facts: SessionFacts::of(&session, &own),
            end: session
                .ended_at
                .map(|at| (Moment::new(at), session.end_reason.map_or("Ended", |reason| reason.sentence()))),
        });
        Self { layout, errors, token, email: user.email, session }
    }

    fn is_active(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.end.is_none())
    }
}

/// `GET /sign-in/check?token=`: changes nothing, since mail scanners open links.
///
/// # Errors
/// As [`Accounts::noticed_session`].
pub async fn show(
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, Error> {
    let token = query.into_inner().token;
    Ok(match accounts.noticed_session(&token, &client).await? {
        Some(found) => {
            html(StatusCode::OK, &NoticedSessionPage::new(layout, token, found, FieldErrors::default()))
        }
        None => InvalidLink::Notice.page(layout),
    })
}

/// `POST /sign-in/check`: ends the session and mails a link to choose a new password.
///
/// # Errors
/// As [`Accounts::disown_session`].
pub async fn submit(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    client: Client,
    form: Form<CheckForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, errors } = form;
    if !errors.is_empty() {
        return match accounts.noticed_session(&values.token, &client).await? {
            Some(found) => {
                Ok(form_page(&NoticedSessionPage::new(layout, values.token, found, errors.clone()), &errors))
            }
            None => Ok(InvalidLink::Notice.form_page(layout)),
        };
    }
    let is_own = |session: &str| layout.user.as_ref().is_some_and(|user| user.session_id == session);
    match accounts.disown_session(values.token, client).await? {
        None => Ok(InvalidLink::Notice.form_page(layout)),
        Some((session, ended)) if is_own(&session) => {
            Ok(signed_out(&req, "/login", Flash::SessionDisowned(ended)))
        }
        Some((_, ended)) => Ok(see_other("/login", Flash::SessionDisowned(ended))),
    }
}
