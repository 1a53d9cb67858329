//! The forms of `/profile` about one's address: another one, a link that proves one, and withdrawing a change.

use actix_web::{HttpRequest, HttpResponse, web};

use super::{
    forms::EmailForm,
    profile::{ProfilePage, check_current_password},
};
use crate::{
    accounts::{email_change::EmailChange, service::Accounts},
    error::Error,
    layout::{EmailFlash, Flash, Layout, see_other},
    security::Client,
    sessions::CurrentUser,
    web::{FieldErrors, Form, accept::wants_json},
};

/// `POST /profile/email`: asks for another address, which counts once it is confirmed.
///
/// # Errors
/// As [`Accounts::password_again`] and [`Accounts::ask_email_change`].
pub async fn change(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
    form: Form<EmailForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let proven =
        check_current_password(&req, &accounts, &user, values.current_password, &client, &mut errors).await?;
    let was_right = proven.is_some();
    if let Some(proven) = proven.filter(|_| errors.is_empty()) {
        match accounts.ask_email_change(&user, proven, &values.email, client.clone()).await {
            Ok(EmailChange::Asked) => {
                return Ok(see_other("/profile", Flash::Email(EmailFlash::ChangeAsked)));
            }
            Ok(EmailChange::Same) => errors.add("email", "This is your address already."),
            Err(Error::Throttled { wait, text }) if !wants_json(&req) => {
                errors.add_form(text);
                return Ok(ProfilePage::new(&accounts, layout, &user).email_later(
                    values.email,
                    errors,
                    wait,
                ));
            }
            Err(error) => return Err(error),
        }
    }
    if was_right {
        accounts.record_password_given(&user, &client).await?;
    }
    Ok(ProfilePage::new(&accounts, layout, &user).email_refused(values.email, errors))
}

/// `POST /profile/email/confirm`: mails a link that proves the address that the account has.
///
/// # Errors
/// As [`Accounts::send_confirmation`].
pub async fn confirm(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    let sent = accounts.send_confirmation(user.id, &user.email, client).await;
    respond(
        &req,
        &accounts,
        layout,
        &user,
        sent.map(|sent| (sent, Flash::Email(EmailFlash::ConfirmationSent))),
    )
}

/// `POST /profile/email/resend`: mails the link to the address that waits to be confirmed once more.
///
/// # Errors
/// As [`Accounts::ask_email_change_again`].
pub async fn resend(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    layout: Layout,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    let sent = accounts.ask_email_change_again(&user, client).await;
    respond(
        &req,
        &accounts,
        layout,
        &user,
        sent.map(|sent| (sent, Flash::Email(EmailFlash::ConfirmationSent))),
    )
}

/// `POST /profile/email/withdraw`: the address stays as it is.
///
/// # Errors
/// As [`Accounts::withdraw_email_change`].
pub async fn withdraw(
    accounts: web::Data<Accounts>,
    user: CurrentUser,
    client: Client,
) -> Result<HttpResponse, Error> {
    let withdrawn = accounts.withdraw_email_change(&user, client).await?;
    let flash = if withdrawn { Flash::Email(EmailFlash::ChangeWithdrawn) } else { Flash::Unchanged };
    Ok(see_other("/profile", flash))
}

/// Leads back to the profile, or says there how long to wait. `sent`: whether a mail was sent, and what the profile says then.
fn respond(
    req: &HttpRequest,
    accounts: &Accounts,
    layout: Layout,
    user: &CurrentUser,
    sent: Result<(bool, Flash), Error>,
) -> Result<HttpResponse, Error> {
    match sent {
        Ok((true, flash)) => Ok(see_other("/profile", flash)),
        Ok((false, _)) => Ok(see_other("/profile", Flash::Unchanged)),
        Err(Error::Throttled { wait, text }) if !wants_json(req) => {
            let mut errors = FieldErrors::default();
            errors.add_form(text);
            Ok(ProfilePage::new(accounts, layout, user).email_later(String::new(), errors, wait))
        }
        Err(error) => Err(error),
    }
}
