//! The letters about a key of a session that somebody else has presented.

use super::{
    letters::{FORGOT, device, letter, place},
    notice_letters::named,
    stolen_key::StolenKey,
};
use crate::{
    mail::{Button, Letter, MailKind, Outbox, is_plain_name},
    sessions::catalogue::{device::describe, stolen_keys::DeadKey},
    users::User,
};

/// To the person. `ended`: whether all their sessions have ended with it.
pub(super) fn to_owner(outbox: &Outbox, user: &User, stolen: &StolenKey, ended: bool) -> Letter {
    let (site, at, place) = (outbox.site(), outbox.moment(), place(&stolen.client));
    let what = match stolen.key {
        DeadKey::Ended => "the key of a session of yours that has ended",
        DeadKey::Rotated => "a key of a session of yours that had been replaced",
        DeadKey::Unbound => "a copy of the key of a session of yours that works on one device alone",
    };
    let first = format!(
        "On {at} somebody has tried, {place}, to go on with {what}. You had signed in there {}. It was refused.",
        with_device(stolen)
    );
    let second = "Only your browser has such keys. Somebody else gets them from harmful software on the device, or by reading your \
                  browser's files: look for that there first, or the next key is copied too."
        .to_owned();
    let then = if ended {
        "All your sessions were ended, in case others were copied as well. Choose another password, on a device that you trust, and \
         sign in again."
    } else {
        "Your sessions go on. On a device that you trust, choose another password, which ends all others, and look at the list of \
         your sessions."
    };
    let last = "If it was you, with your browser's data on another device or in another browser, there is nothing to do.";
    let (label, href) = match ended {
        true => ("Choose another password", FORGOT),
        false => ("Look at your sessions", "/sessions"),
    };
    let button = Button { label, href: outbox.href(href) };
    let subject = format!("Somebody else has used a key of your session at {site}");
    let paragraphs = vec![first, second, then.to_owned(), last.to_owned()];
    let reason = "You get this mail when a key of a session of yours is used elsewhere: once a day, and when your sessions end by it.";
    letter(MailKind::StolenKeyUsed, user, subject, paragraphs, Some(button), reason)
}

/// To an administrator.
pub(super) fn to_administrator(
    outbox: &Outbox,
    to: &User,
    owner: &User,
    stolen: &StolenKey,
    ended: bool,
) -> Letter {
    let (site, at, from) = (outbox.site(), outbox.moment(), &stolen.client.ip);
    let (name, with) = (named(owner), device(&stolen.client));
    let ended = if ended { " All their sessions were ended." } else { "" };
    let paragraphs = vec![
        format!(
            "{name} may have been robbed of a key of their session at {site}: on {at} it was presented from the address {from} with \
             {with}, and the session had begun {}. It was refused.{ended}",
            with_device(stolen)
        ),
        "The page of the session says which key it was. There may be more of the kind: the list of events shows them all, and you are told \
         at most once an hour."
            .to_owned(),
        "If you don't know of it, ask the person to look for harmful software on that device and to choose another password, and end \
         their sessions."
            .to_owned(),
    ];
    let href = outbox.href(&format!("/admin/sessions/{}", stolen.owner.session));
    let button = Button { label: "Look at the session", href };
    let subject = format!("A key of a session at {site} was stolen");
    let reason = "You get this mail because you are an administrator.";
    letter(MailKind::StolenKeyReported, to, subject, paragraphs, Some(button), reason)
}

/// The browser that the session began with. Anybody can name their program so that it reads as an address of the web.
fn with_device(stolen: &StolenKey) -> String {
    let device = describe(&stolen.owner.browser, "", &stolen.owner.os);
    if is_plain_name(&device) { format!("with {device}") } else { "with an unknown program".to_owned() }
}
