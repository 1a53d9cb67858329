//! The letters of notices: what happened, where, when, and what to do.

use super::{
    actor::Actor,
    letters::{FORGOT, device, letter, place, when_and_where},
};
use crate::{
    mail::{Button, Letter, MailKind, Outbox, is_plain_name},
    security::Client,
    users::User,
};

/// How somebody became an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewAdministrator {
    /// They had an account before.
    Promoted,
    /// They were invited as one.
    Invited,
    /// Their account was made as one.
    Made,
}

/// What becomes of the sessions of an account whose second factor was changed.
#[derive(Debug, Clone, Copy)]
pub(super) enum SessionsAfter {
    /// They go on.
    AllGoOn,
    /// All but the one that made the change end.
    OneGoesOn,
}

pub(super) fn new_browser(outbox: &Outbox, user: &User, token: &str, client: &Client) -> Letter {
    let (site, device, at) = (outbox.site(), device(client), outbox.moment());
    let paragraphs = vec![
        format!(
            "Somebody has signed in to your account at {site} with a browser that had not signed in to it before: {device}, from \
             the address {}, on {at}.",
            client.ip
        ),
        "If that was you, there is nothing to do. We tell you of each browser once, as long as it keeps our cookies.".to_owned(),
        "If it was not you, somebody knows your password. Open this link, which works for 7 days without signing in: it shows \
         that one session, and a button there ends it and mails you a link to choose a new password."
            .to_owned(),
    ];
    let button =
        Button { label: "Look at this sign-in", href: outbox.href(&format!("/sign-in/check?token={token}")) };
    let subject = format!("A new sign-in to your account at {site}");
    let reason = "You get this mail whenever a browser signs in to your account for the first time.";
    letter(MailKind::NewBrowser, user, subject, paragraphs, Some(button), reason)
}

pub(super) fn password_changed(outbox: &Outbox, user: &User, client: &Client) -> Letter {
    let (site, place, at) = (outbox.site(), place(client), outbox.moment());
    let paragraphs = vec![
        format!(
            "The password of your account at {site} was changed on {at}, {place}. Wherever else you were signed in, that has ended."
        ),
        "If that was you, there is nothing to do.".to_owned(),
        "If it was not you, somebody was signed in as you and knew your password. Choose another one with the link below: that \
         signs out everybody, them too."
            .to_owned(),
    ];
    let button = Button { label: "Choose another password", href: outbox.href(FORGOT) };
    let subject = format!("Your password for {site} was changed");
    let reason = "You get this mail whenever the password of your account is changed.";
    letter(MailKind::PasswordChanged, user, subject, paragraphs, Some(button), reason)
}

pub(super) fn recovery_code_used(outbox: &Outbox, user: &User, left: i64, client: &Client) -> Letter {
    let (site, place, at) = (outbox.site(), place(client), outbox.moment());
    let codes = if left == 1 { "1 code is" } else { &format!("{left} codes are") };
    let paragraphs = vec![
        format!("Somebody has signed in to your account at {site} with your password and a recovery code on {at}, {place}."),
        format!("If that was you: {codes} left. With new ones the old ones are void."),
        "If it was not you, somebody knows your password and has your codes. Choose another password, and make new codes.".to_owned(),
    ];
    let button = Button { label: "Look at how you sign in", href: outbox.href("/security") };
    let subject = format!("A recovery code was used at {site}");
    let reason = "You get this mail whenever a recovery code of your account is used.";
    letter(MailKind::RecoveryCodeUsed, user, subject, paragraphs, Some(button), reason)
}

pub(super) fn passkey_cloned(outbox: &Outbox, user: &User, client: &Client) -> Letter {
    let (site, place, at) = (outbox.site(), place(client), outbox.moment());
    let paragraphs = vec![
        format!(
            "Somebody tried to sign in to your account at {site} on {at}, {place}, with a copy of one of your passkeys: it had been used \
             more often than it says. It was refused."
        ),
        "Passkeys that count can't be copied by their owners. Sign in another way, remove that passkey, and add a new one. The page \
         \u{201c}Activity\u{201d} says which one it is."
            .to_owned(),
    ];
    let button = Button { label: "Look at how you sign in", href: outbox.href("/security") };
    let subject = format!("One of your passkeys for {site} was refused");
    let reason = "You get this mail when a passkey of your account seems to have been copied.";
    letter(MailKind::PasskeyCloned, user, subject, paragraphs, Some(button), reason)
}

pub(super) fn second_factor_changed(
    outbox: &Outbox,
    user: &User,
    what: &str,
    sessions: SessionsAfter,
    by: &Actor,
) -> Letter {
    let site = outbox.site();
    let ended = match sessions {
        SessionsAfter::AllGoOn => "",
        SessionsAfter::OneGoesOn => " Wherever else you were signed in, that has ended.",
    };
    let paragraphs = vec![
        format!("{what} your account at {site}{}.{ended}", when_and_where(outbox, by.client.as_ref())),
        "If you know of this, there is nothing to do.".to_owned(),
        "If not, somebody was signed in as you: choose another password, which signs out everybody, them too, and look at how you \
         sign in."
            .to_owned(),
    ];
    let button = Button { label: "Look at how you sign in", href: outbox.href("/security") };
    let subject = format!("How you sign in to {site} was changed");
    let reason = "You get this mail whenever the second factor of your account is changed.";
    letter(MailKind::SecondFactorChanged, user, subject, paragraphs, Some(button), reason)
}

pub(super) fn second_factor_reset(outbox: &Outbox, user: &User, message: Option<&str>) -> Letter {
    let site = outbox.site();
    let why = message.map(|message| format!(" The reason: {message}")).unwrap_or_default();
    let paragraphs = vec![
        format!(
            "The second factor was removed from your account at {site}{}. Wherever you were signed in, that has ended.{why}",
            when_and_where(outbox, None)
        ),
        "If you asked for it, sign in with your password, and set a second factor up again.".to_owned(),
        format!(
            "If not, somebody may have asked in your name: choose another password, and write to those who run {site}."
        ),
    ];
    let button = Button { label: "Look at how you sign in", href: outbox.href("/security") };
    let subject = format!("Your second factor at {site} was removed");
    let reason = "You get this mail whenever the second factor of your account is changed.";
    letter(MailKind::SecondFactorChanged, user, subject, paragraphs, Some(button), reason)
}

pub(super) fn account_deleted(outbox: &Outbox, user: &User, client: &Client) -> Letter {
    let (site, place, at) = (outbox.site(), place(client), outbox.moment());
    let paragraphs = vec![
        format!(
            "Your account at {site} was deleted on {at}, {place}, by somebody who gave its password. All its sessions have ended, \
             and what was stored of you is removed."
        ),
        "If that was you, there is nothing to do.".to_owned(),
        format!(
            "If it was not you, somebody knew your password: change it wherever else you use it, and write to those who run \
             {site}. The account can't be brought back, but you can make a new one with this address."
        ),
    ];
    let subject = format!("Your account at {site} was deleted");
    let reason = "You get this mail because it was the address of the account. It is the last one.";
    letter(MailKind::AccountDeleted, user, subject, paragraphs, None, reason)
}

pub(super) fn administrator_made(
    outbox: &Outbox,
    to: &User,
    new: &User,
    how: NewAdministrator,
    done_by: &str,
    by: &Actor,
) -> Letter {
    let (site, at, new_name) = (outbox.site(), outbox.moment(), named(new));
    let place = by.client.as_ref().map(|client| format!(", {}", place(client))).unwrap_or_default();
    let what = match how {
        NewAdministrator::Promoted => "was made an administrator of",
        NewAdministrator::Invited => "was invited as an administrator of",
        NewAdministrator::Made => "has a new account as an administrator of",
    };
    let paragraphs = vec![
        format!("{new_name} {what} {site} on {at}, {done_by}{place}."),
        "Administrators see and end everyone's sessions and change all accounts. If you know of this, there is nothing to do."
            .to_owned(),
        "If you don't, look at the account, take the role away again, and ask who did it: somebody may have acted in the name of \
         another administrator."
            .to_owned(),
    ];
    let button =
        Button { label: "Look at the account", href: outbox.href(&format!("/admin/users/{}", new.id)) };
    let subject = format!("{site} has a new administrator");
    let reason = "You get this mail because you are an administrator too.";
    letter(MailKind::AdministratorMade, to, subject, paragraphs, Some(button), reason)
}

/// A person in a letter to somebody else: "Ada Lovelace (ada@example.org)". A name that reads as an address of the web is left out.
pub(super) fn named(user: &User) -> String {
    match user.name.trim() {
        name if is_plain_name(name) => format!("{name} ({})", user.email),
        _ => user.email.clone(),
    }
}
