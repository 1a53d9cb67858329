//! `POST /profile/delete`: the account and all its sessions are gone.

use actix_session::SessionExt as _;
use actix_web::{HttpRequest, HttpResponse, web};
use diesel::prelude::*;

use super::pages::{
    forms::DeleteForm,
    login::clear_site_data,
    profile::{ProfilePage, check_current_password},
};
use crate::{
    app::Site,
    db::{DbConnection, schema::users},
    error::Error,
    events::{Event, Kind},
    layout::Layout,
    security::Client,
    sessions::{
        CurrentUser, EndReason, Ending, Which,
        catalogue::rows::{self, Ended},
    },
    users::User,
    web::{Flash, Form, see_other},
};

/// Rounds of ending and forgetting: sign-ins may come in between, but not for ever.
const ROUNDS: usize = 3;

/// How far a deletion got.
enum Step {
    /// The account is gone, and with it these sessions, whose entries were not in a store of their own.
    Gone(Vec<Ended>),
    /// Its sessions have ended, but the store still holds entries of these.
    Forget(Vec<Ended>),
    /// It is the only active administrator's.
    LastAdministrator,
}

/// `POST /profile/delete`
///
/// # Errors
/// [`Error::SignInFirst`] when the session ended meanwhile; [`Error::Unavailable`] when the store doesn't confirm
/// that the sessions' entries are deleted: then the account stays, since what is left to delete is known by its rows.
pub async fn delete(
    req: HttpRequest,
    site: web::Data<Site>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<DeleteForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    check_current_password(&site, &user, &values.current_password, &mut errors).await?;
    if errors.is_empty() {
        match delete_account(&site, &user, client).await? {
            true => {
                req.get_session().purge();
                let mut response = see_other(&site.config, "/", Some(Flash::AccountDeleted));
                clear_site_data(&mut response);
                return Ok(response);
            }
            false => errors.add_form(
                "You are the only administrator. Make somebody else one before you delete your account.",
            ),
        }
    }
    Ok(ProfilePage::new(&site, layout, &user).not_deleted(errors))
}

/// `false` for the only administrator.
async fn delete_account(site: &Site, user: &CurrentUser, client: Client) -> Result<bool, Error> {
    // Nothing is begun that could not be finished.
    site.sessions.check().await?;
    let in_store = site.sessions.has_entries();
    let mut session = Some(user.session.id.clone());
    for _ in 0..ROUNDS {
        let (id, session, client) = (user.id, session.take(), client.clone());
        let step = site.db.transaction(move |conn| step(conn, id, session.as_deref(), client, in_store));
        match step.await? {
            Step::Gone(ended) => {
                site.sessions.live().ended(&ended);
                return Ok(true);
            }
            Step::LastAdministrator => return Ok(false),
            Step::Forget(ended) => {
                if !site.sessions.forget(&ended).await {
                    return Err(Error::unavailable("the store has not confirmed the end of the sessions"));
                }
            }
        }
    }
    Err(Error::unavailable("somebody signs in to the account again and again"))
}

/// Ends all sessions, and deletes the account once the store holds nothing of them. `session`: the one that asks,
/// which must be live the first time.
fn step(
    conn: &mut DbConnection,
    id: i64,
    session: Option<&str>,
    client: Client,
    in_store: bool,
) -> Result<Step, Error> {
    let (_, only_administrator) = User::lock_with_administrators(conn, id)?;
    if let Some(session) = session
        && !rows::is_live(conn, session)?
    {
        return Err(Error::SignInFirst);
    }
    if only_administrator {
        return Ok(Step::LastAdministrator);
    }
    User::raise_epoch(conn, id)?;
    let ending = Ending { reason: EndReason::Logout, by: Some(id), note: None, client: Some(client.clone()) };
    let ended = rows::end(conn, &Which::AllOf { user: id }, &ending, in_store)?;
    let unconfirmed = rows::unconfirmed_of(conn, id)?;
    if !unconfirmed.is_empty() {
        return Ok(Step::Forget(unconfirmed));
    }
    Event::new(Kind::AccountDeleted, Some(id)).from(Some(&client)).write(conn)?;
    diesel::delete(users::table.find(id)).execute(conn)?;
    Ok(Step::Gone(ended))
}
