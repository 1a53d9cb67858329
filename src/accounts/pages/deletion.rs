//! `POST /profile/delete`: deletes the account and all its sessions.

use actix_web::{HttpRequest, HttpResponse, web};

use super::{
    forms::DeleteForm,
    profile::{ProfilePage, check_current_password},
    signed_out::signed_out,
};
use crate::{
    accounts::{deletion::Deletion, service::Accounts},
    error::Error,
    layout::{Flash, Layout},
    security::Client,
    sessions::CurrentUser,
    web::Form,
};

/// `POST /profile/delete`
///
/// # Errors
/// As [`Accounts::password_again`] and [`Accounts::delete`].
pub async fn delete(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<DeleteForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    check_current_password(&req, &accounts, &user, values.current_password, &client, &mut errors).await?;
    if errors.is_empty() {
        match accounts.delete(&req, &user, client.clone()).await? {
            Deletion::Done => return Ok(signed_out(&req, "/", Flash::AccountDeleted)),
            Deletion::LastAdministrator => {
                accounts.record_password_given(&user, &client).await?;
                errors.add_form(
                    "You are the only administrator. Make somebody else one before you delete your account.",
                );
            }
        }
    }
    Ok(ProfilePage::new(&accounts, layout, &user).deletion_refused(errors))
}
