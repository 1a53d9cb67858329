//! The letters that tell people what happens to their accounts.

use super::actor::Actor;
use crate::{
    mail::{Button, Letter, MailKind, Outbox, is_plain_name},
    security::Client,
    sessions::catalogue::device::describe_user_agent,
    users::{
        User,
        tokens::{self, TokenPurpose},
    },
};

/// The page on which a person asks for a link.
pub(super) const FORGOT: &str = "/password/forgot";

/// The letter with a one-time link. `by`: who made it.
pub(super) fn link(
    outbox: &Outbox,
    user: &User,
    token: &str,
    purpose: TokenPurpose,
    by: LinkMaker,
) -> Letter {
    let site = outbox.site();
    let lifetime = purpose.lifetime_in_words();
    let (kind, subject, paragraphs, reason) = match (purpose, by) {
        (
            TokenPurpose::Invite | TokenPurpose::Setup | TokenPurpose::SetupUsed | TokenPurpose::SecondStep,
            _,
        ) => (
            MailKind::Invitation,
            format!("Your invitation to {site}"),
            vec![
                format!("There is an account for you at {site}, with this email address."),
                format!("Choose a password, and you can sign in. The link works once, within {lifetime}."),
            ],
            "You get this mail because an administrator of the site has made an account with your address. If you don't \
             want it, do nothing: without the link nobody can sign in.",
        ),
        (TokenPurpose::Reset, LinkMaker::Administrator) => (
            MailKind::NewPassword,
            format!("A new password for {site}"),
            vec![
                format!("An administrator of {site} has made a link with which you choose a new password."),
                format!("It works once, within {lifetime}. Your old password is good until then."),
            ],
            "You get this mail because an administrator of the site wants you to choose a new password. If you did not \
             expect that, ask them before you use the link.",
        ),
        (TokenPurpose::Reset, LinkMaker::Owner) => (
            MailKind::ForgottenPassword,
            format!("A new password for {site}"),
            vec![
                format!("Somebody, probably you, has asked for a new password for your account at {site}."),
                format!(
                    "The link works once, within {lifetime}. Your old password is good until then. Choosing a new one \
                     signs you out everywhere."
                ),
            ],
            "You get this mail because somebody has typed your address where a forgotten password is replaced. If it was \
             not you, do nothing: without the link nobody can change anything.",
        ),
    };
    let button = Button { label: "Choose a password", href: outbox.href(&tokens::path(token)) };
    letter(kind, user, subject, paragraphs, Some(button), reason)
}

/// Who made a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkMaker {
    /// An administrator, or an operator on the command line.
    Administrator,
    /// Whoever the link is for, or somebody who has typed their address.
    Owner,
}

/// The letter that a password was set without the old one.
pub(super) fn password_set(outbox: &Outbox, user: &User, by: &Actor) -> Letter {
    let site = outbox.site();
    let done = when_and_where(outbox, by.client.as_ref());
    let paragraphs = vec![
        format!("A new password was set for your account at {site}{done}. You were signed out everywhere."),
        "If that was you, all is well: sign in with the new password.".to_owned(),
        "If it was not you, somebody else may read your mail: change the password of your mailbox first, and then choose \
         another one here."
            .to_owned(),
    ];
    let button = Button { label: "Choose another password", href: outbox.href(FORGOT) };
    let reason = "You get this mail whenever the password of your account is replaced.";
    letter(
        MailKind::PasswordSet,
        user,
        format!("Your password for {site} was replaced"),
        paragraphs,
        Some(button),
        reason,
    )
}

/// Where something was done: "from the address 192.0.2.7 with Firefox 140 on Linux".
pub(super) fn place(client: &Client) -> String {
    format!("from the address {} with {}", client.ip, device(client))
}

/// "Firefox 140 on Linux". Anybody can name their program as they like, but not so that it reads as an address of the web.
pub(super) fn device(client: &Client) -> String {
    let device = describe_user_agent(&client.user_agent);
    if is_plain_name(&device) { device } else { "an unknown program".to_owned() }
}

/// When something was done, which is now, and from where; `None`: on the command line.
pub(super) fn when_and_where(outbox: &Outbox, client: Option<&Client>) -> String {
    let from = client.map_or_else(|| "by an administrator".to_owned(), place);
    format!(" on {}, {from}", outbox.moment())
}

/// A letter to a user.
pub(super) fn letter(
    kind: MailKind,
    user: &User,
    subject: String,
    paragraphs: Vec<String>,
    button: Option<Button>,
    reason: &str,
) -> Letter {
    let (name, address, reason) = (user.name.clone(), user.email.clone(), reason.to_owned());
    Letter { kind, user: Some(user.id), name, address, subject, paragraphs, button, reason }
}
