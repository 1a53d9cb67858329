//! `/profile/export`: a file with all that is stored of the person.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{ContentDisposition, DispositionParam, DispositionType},
    },
    web::{self, Bytes},
};
use futures_util::stream;

use super::confirm;
use crate::{
    accounts::{
        actor::Actor,
        export::{Export, Recorded},
        service::Accounts,
    },
    clock::now_utc,
    error::Error,
    security::Client,
    sessions::CurrentUser,
};

/// `GET /profile/export`: needs the password to have been given recently, as all of it leaves at once.
///
/// # Errors
/// As [`Accounts::export`].
pub async fn download(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    if !user.session.is_confirmed(accounts.rules().confirm_ttl) {
        return confirm::ask_first(&req, "/profile");
    }
    let recorded = if *req.method() == Method::HEAD { Recorded::No } else { Recorded::Yes };
    let by = Actor::owner(user.id, client);
    file(accounts.export(user.id, by, user.session.id.clone(), recorded).await?, user.id).await
}

/// The response with the file of an export.
///
/// # Errors
/// As [`Export::next`], for its first part; after that an error aborts the connection, so that nobody takes a part for all of it.
pub async fn file(mut export: Export, user: i64) -> Result<HttpResponse, Error> {
    let first = export.next().await?.unwrap_or_default();
    let name = format!("account-{user}-{}.json", now_utc().date());
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    let parts = stream::try_unfold((Some(first), export), async |(first, mut export)| {
        let part = match first {
            Some(first) => Some(first),
            None => export.next().await.inspect_err(|error| {
                tracing::warn!(error = ?error.causes(), "a file of somebody's data was cut off");
            })?,
        };
        Ok::<_, Error>(part.map(|part| (Bytes::from(part), (None, export))))
    });
    Ok(HttpResponse::Ok().content_type("application/json").insert_header(disposition).streaming(parts))
}
