//! The letters about addresses: that one is to be confirmed, was replaced or given back, and that somebody else has typed it.

use super::letters::when_and_where;
use crate::{
    mail::{Button, Letter, MailKind, Outbox},
    security::Client,
    users::{
        User,
        address_tokens::AddressPurpose,
        tokens::{self, TokenPurpose},
    },
};

/// Why an address is to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConfirmReason {
    /// An account was made with it.
    Registered,
    /// The account has had it for longer.
    Asked,
    /// It is to take the place of the account's address.
    Change,
}

/// The letter with a link that proves an address.
pub(super) fn confirm(
    outbox: &Outbox,
    user: &User,
    address: &str,
    token: &str,
    reason: ConfirmReason,
) -> Letter {
    let site = outbox.site();
    let (subject, first, reason) = match reason {
        ConfirmReason::Registered => (
            format!("Confirm your address for {site}"),
            format!("Somebody, probably you, has made an account at {site} with this email address."),
            "You get this mail because your address was typed when an account was made. If it was not you, do nothing: the \
             address stays unconfirmed.",
        ),
        ConfirmReason::Asked => (
            format!("Confirm your address for {site}"),
            format!("Your account at {site} has this email address, which is not confirmed yet."),
            "You get this mail because it was asked for with the password of the account. If it was not you, do nothing: \
             the address stays unconfirmed.",
        ),
        ConfirmReason::Change => (
            format!("Confirm your new address for {site}"),
            format!(
                "Somebody, probably you, wants to use this email address for an account at {site} from now on."
            ),
            "You get this mail because your address was typed on the profile of an account. If it was not you, do nothing: \
             the account keeps the address that it has.",
        ),
    };
    let lifetime = AddressPurpose::Confirm.lifetime_in_words();
    let paragraphs = vec![
        first,
        format!(
            "Confirm that the address is yours. The link works once, within {lifetime}, and a newer one replaces it."
        ),
    ];
    let button =
        Button { label: "Confirm the address", href: outbox.href(&AddressPurpose::Confirm.path(token)) };
    letter(MailKind::ConfirmAddress, user, address, subject, paragraphs, Some(button), reason)
}

/// The letter to the address that an account had before, with the link that gives it back.
pub(super) fn changed(outbox: &Outbox, user: &User, token: &str, client: &Client) -> Letter {
    let site = outbox.site();
    let paragraphs = vec![
        format!(
            "The email address of your account at {site} was changed from this one to another{}.",
            when_and_where(outbox, Some(client))
        ),
        "If that was you, all is well: sign in with the new address.".to_owned(),
        format!(
            "If it was not you, undo the change within {}. The account gets this address back, everybody is signed out, \
             the old password is void, and you choose a new one.",
            AddressPurpose::Undo.lifetime_in_words()
        ),
    ];
    let button = Button { label: "Undo the change", href: outbox.href(&AddressPurpose::Undo.path(token)) };
    let subject = format!("The address of your account at {site} was changed");
    let reason = "You get this mail because the account had your address until now.";
    letter(MailKind::AddressChanged, user, &user.email, subject, paragraphs, Some(button), reason)
}

/// The letter to the address that an account had until an earlier one was given back. `user`: as before that.
pub(super) fn given_back(outbox: &Outbox, user: &User, client: &Client) -> Letter {
    let site = outbox.site();
    let paragraphs = vec![
        format!(
            "The account at {site} that had this email address got an earlier one back{}. Everybody was signed out.",
            when_and_where(outbox, Some(client))
        ),
        "That was done with the link that the earlier address got when it was changed. This address does not lead to the \
         account any more."
            .to_owned(),
        "If the account is yours and you did not do this, ask an administrator of the site.".to_owned(),
    ];
    let subject = format!("The change of your address at {site} was undone");
    let reason = "You get this mail because the account had your address until now.";
    letter(MailKind::AddressGivenBack, user, &user.email, subject, paragraphs, None, reason)
}

/// What somebody else has typed the address of an account for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TriedFor {
    /// A new account.
    Registration,
    /// Another account, in place of its address.
    Change,
}

impl TriedFor {
    fn sentence(self, site: &str) -> String {
        match self {
            Self::Registration => {
                format!("Somebody, perhaps you, wanted to make an account at {site} with this email address.")
            }
            Self::Change => format!(
                "Somebody, perhaps you, wanted to use this email address for another account at {site}."
            ),
        }
    }
}

/// The reason of letters to whoever has the address already.
const TRIED: &str = "You get this mail because somebody has typed your address. If it was not you, do nothing: nothing was changed.";

/// The letter to the owner of an account whose address somebody has typed for another one.
pub(super) fn tried(outbox: &Outbox, user: &User, what: TriedFor) -> Letter {
    let site = outbox.site();
    let (second, button) = if user.active {
        let button = Button { label: "Sign in", href: outbox.href("/login") };
        (
            "You have an account with it already. Sign in with the password of that account; if it is forgotten, the page to sign \
          in leads to a new one.",
            Some(button),
        )
    } else {
        (
            "There is an account with it already, which is deactivated. An administrator of the site can activate it.",
            None,
        )
    };
    let subject = format!("There is an account with your address at {site}");
    let paragraphs = vec![what.sentence(site), second.to_owned()];
    letter(MailKind::AddressTried, user, &user.email, subject, paragraphs, button, TRIED)
}

/// The same for an account whose address is not confirmed: nobody knows who has made it. With the link the owner of the address
/// replaces its password.
pub(super) fn tried_unconfirmed(outbox: &Outbox, user: &User, token: &str) -> Letter {
    let site = outbox.site();
    let paragraphs = vec![
        TriedFor::Registration.sentence(site),
        format!(
            "There is an account with it already, whose address was never confirmed. Choose a new password for it, and it is \
             yours alone: the one that it has is void then. The link works once, within {}.",
            TokenPurpose::Reset.lifetime_in_words()
        ),
    ];
    let button = Button { label: "Choose a password", href: outbox.href(&tokens::path(token)) };
    let subject = format!("There is an account with your address at {site}");
    letter(MailKind::AddressTried, user, &user.email, subject, paragraphs, Some(button), TRIED)
}

/// The same for an account that has had the address and can have it back. `address`: as it was typed.
pub(super) fn tried_former(outbox: &Outbox, user: &User, address: &str, what: TriedFor) -> Letter {
    let site = outbox.site();
    let paragraphs = vec![
        what.sentence(site),
        format!(
            "An account had it until lately, and the mail about that change has a link with which it gets the address back. \
             For {} after the change nobody else can have it.",
            AddressPurpose::Undo.lifetime_in_words()
        ),
        "If you have made the change yourself, try again once that time is over.".to_owned(),
    ];
    let subject = format!("Your address at {site} is kept for an earlier account");
    letter(MailKind::AddressTried, user, address, subject, paragraphs, None, TRIED)
}

fn letter(
    kind: MailKind,
    user: &User,
    address: &str,
    subject: String,
    paragraphs: Vec<String>,
    button: Option<Button>,
    reason: &str,
) -> Letter {
    let (name, address, reason) = (user.name.clone(), address.to_owned(), reason.to_owned());
    Letter { kind, user: Some(user.id), name, address, subject, paragraphs, button, reason }
}
