//! Who may have an account, with which password, and what people are told.

use super::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "REGISTRATION",
        meaning: "`open`, or `closed`: accounts by invitation only.",
        default: "`open`",
        example: "open",
        wrong: "off",
        beside: &[],
        with: &["EMAIL_CONFIRMATION"],
    },
    Setting {
        name: "EMAIL_CONFIRMATION",
        meaning: "`required`: nobody gets a session before the address is confirmed, and registering tells nobody who has an account \
            ([accounts.md](accounts.md#addresses)). Then mail has to work.",
        default: "`optional`",
        example: "optional",
        wrong: "on",
        beside: &[],
        with: &["SMTP_URL", "REGISTRATION"],
    },
    Setting {
        name: "SECOND_FACTOR",
        meaning: "`administrators` or `everyone`: whoever must have a second factor and has none sets one up right after signing in, before \
            anything else. [second-factor.md](second-factor.md#asking-for-one)",
        default: "`optional`",
        example: "optional",
        wrong: "required",
        beside: &[],
        with: &["PASSWORD_MIN_LENGTH"],
    },
    Setting {
        name: "THROTTLE",
        meaning: "Limits on guessing and bursts, [throttling.md](throttling.md) has the numbers; `off` leaves them to a proxy in front.",
        default: "`on`",
        example: "on",
        wrong: "no",
        beside: &[],
        with: &["TRUSTED_PROXIES"],
    },
    Setting {
        name: "NOTICES",
        meaning: "Mail that tells people of sign-ins from new browsers, a changed password and a deleted account, and administrators of new ones \
            ([accounts.md](accounts.md#which-mail-there-is)); `off` leaves it out.",
        default: "`on`",
        example: "on",
        wrong: "no",
        beside: &[],
        with: &["SMTP_URL"],
    },
    Setting {
        name: "PASSWORD_MIN_LENGTH",
        meaning: "Characters that a new password has at least (NIST SP 800-63B-4 asks for 15 where there is no second factor). Passwords that \
            exist stay as they are.",
        default: "`8`",
        example: "8",
        wrong: "7",
        beside: &[],
        with: &["SECOND_FACTOR"],
    },
    Setting {
        name: "BREACHED_PASSWORDS",
        meaning: "A file of known passwords that nobody may choose: SHA-1 hashes in hexadecimal digits, one a line, sorted, as \"Pwned Passwords\" \
            offers it for download (`HASH:COUNT`). It is searched, not loaded, and may be replaced while the server runs (`mv`). While it is gone \
            or broken, new passwords are answered 503.",
        default: "unset",
        example: "/srv/pwned-passwords-sha1-ordered-by-hash.txt",
        wrong: "/nowhere.txt",
        beside: &[],
        with: &[],
    },
    Setting {
        name: "CONFIRM_PASSWORD_TTL",
        meaning: "How long a password that was given allows changes to accounts and ending sessions; signing out never asks. A duration.",
        default: "`10m`",
        example: "10m",
        wrong: "0s",
        beside: &[],
        with: &[],
    },
];
