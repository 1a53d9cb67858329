//! `/security/recovery-codes`, and the page that shows new recovery codes.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use crate::{
    accounts::service::Accounts,
    error::Error,
    layout::{Flash, Layout, Notice, see_other},
    security::Client,
    sessions::CurrentUser,
    web::html,
};

#[derive(Template)]
#[template(path = "accounts/recovery_codes.html")]
pub(super) struct RecoveryCodesPage {
    pub(super) layout: Layout,
    pub(super) codes: Vec<String>,
    /// What was just set up.
    pub(super) done: Option<Notice>,
    /// Where to go on.
    pub(super) next: String,
}

/// `POST /security/recovery-codes`: makes new ones and shows them; no other page does.
///
/// # Errors
/// As [`Accounts::make_recovery_codes`].
pub async fn make_recovery_codes(
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    Ok(match accounts.make_recovery_codes(&user, &client).await? {
        Some(codes) => {
            let next = "/security".to_owned();
            html(StatusCode::OK, &RecoveryCodesPage { layout, codes, done: None, next })
        }
        None => see_other("/security", Flash::Unchanged),
    })
}
