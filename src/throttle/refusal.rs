//! What a refusal and an event say.

use std::time::Duration;

use super::policy::Kind;
use crate::{clock::now, error::Error, web::Moment};

/// From this on a wait is told with the time of day.
const TOLD_WITH_TIME: Duration = Duration::from_secs(60);

/// The answer to an attempt that has to wait.
pub(super) fn refusal(kind: Kind, failures: u32, wait: Duration) -> Error {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let wait = Duration::from_secs(seconds.max(1));
    Error::Throttled { wait, text: format!("{} {}", what(kind, failures), until(wait)) }
}

fn what(kind: Kind, failures: u32) -> &'static str {
    match kind {
        Kind::Account if kind.policy().is_closed(failures) => {
            "There were too many wrong passwords for this address. Sign in from a browser in which you have signed in before, \
             or choose a new password: \u{201c}Forgot your password?\u{201d} mails you a link."
        }
        Kind::Account => "There were too many wrong passwords.",
        Kind::Browser => "There were too many failed sign-ins from this browser.",
        Kind::Session => "There were too many wrong passwords, codes or passkeys.",
        Kind::SignIns => "There were too many failed sign-ins from your network.",
        Kind::Confirmations => "There were too many wrong passwords, codes or passkeys from your network.",
        Kind::Registrations => "There were too many registrations from your network.",
        Kind::Forgotten => "Too many links for forgotten passwords were asked for from your network.",
        Kind::Links => "Too many links that are not valid were tried from your network.",
        Kind::Changes => "There were too many changes to your account.",
        Kind::Sessions => "There were too many sign-ins to your account.",
        Kind::SecondSteps => "There were too many wrong codes or passkeys for this account.",
        Kind::AddressMails => "Too many mails to confirm an address were asked for from your network.",
        Kind::Proofs => "Too many proofs of other keys came from your network.",
        Kind::AddressMailsOf => {
            "Too many mails to confirm this address were asked for. The newest one that has arrived works."
        }
    }
}

fn until(wait: Duration) -> String {
    if wait < TOLD_WITH_TIME {
        let seconds = wait.as_secs();
        let plural = if seconds == 1 { "" } else { "s" };
        return format!("You can try again in {seconds} second{plural}.");
    }
    // The minute is rounded up: by then it is open.
    let moment = Moment::new(now().saturating_add(time::Duration::seconds(
        i64::try_from(wait.as_secs()).unwrap_or(i64::MAX / 2).saturating_add(59),
    )));
    format!("You can try again from {} on ({}).", moment.exact, moment.relative)
}

/// What the security log says when attempts begin to wait, or are refused from now on.
pub(super) fn detail(kind: Kind, failures: u32) -> String {
    let of_whom = match kind {
        Kind::Account => "wrong passwords in a row from browsers that had not signed in before",
        Kind::Browser => "failed sign-ins in a row from a browser that had signed in before",
        Kind::Session => "wrong passwords, codes or passkeys in a row in one session",
        Kind::SignIns => "failed sign-ins from one network",
        Kind::Confirmations => "wrong passwords, codes or passkeys in sessions of one network",
        Kind::Registrations => "registrations from one network",
        Kind::Forgotten => "links for forgotten passwords that were asked for from one network",
        Kind::Links => "links that are not valid from one network",
        Kind::Changes => "changes to the account and passwords given again",
        Kind::Sessions => "sign-ins",
        Kind::SecondSteps => "wrong codes or passkeys in a row after the right password",
        Kind::AddressMails => "mails to confirm addresses that were asked for from one network",
        Kind::AddressMailsOf => "mails to confirm an address that were asked for",
        Kind::Proofs => "proofs of bound sessions that their keys have not signed, from one network",
    };
    let then = if kind.policy().is_closed(failures) { "no more are taken" } else { "the next ones wait" };
    format!("{failures} {of_whom}; {then}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttle_refusal_says_until_when() {
        for (wait, retry_after, part) in [
            (Duration::from_millis(1), 1, "in 1 second."),
            (Duration::from_millis(1_001), 2, "in 2 seconds."),
            (Duration::from_secs(59), 59, "in 59 seconds."),
            (Duration::from_secs(90), 90, "UTC on (in 2 minutes)."),
            (Duration::from_secs(1_800), 1_800, "UTC on (in 30 minutes)."),
        ] {
            let Error::Throttled { wait: told, text } = refusal(Kind::Account, 7, wait) else {
                panic!("another error");
            };
            assert_eq!(told.as_secs(), retry_after);
            assert!(text.ends_with(part), "{text}");
        }
        let Error::Throttled { text, .. } = refusal(Kind::Account, 100, Duration::from_secs(86_400)) else {
            panic!("another error");
        };
        assert!(text.contains("browser in which you have signed in before"), "{text}");
    }
}
