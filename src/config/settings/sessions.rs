//! Lifetimes, limits, the secret and the cookie of sessions.

use super::Setting;

const HTTPS: (&str, &str) = ("BASE_URL", "https://login.example.org");

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "SESSION_SECRET",
        meaning: "What cookies and tokens are sealed with: at least 64 random bytes, such as `openssl rand -hex 64` prints, the same on every \
            instance and kept over restarts. Texts from examples and patterns are refused. Another one signs everyone out, unless the old one \
            follows it after a comma ([production.md](production.md#another-session_secret)).",
        default: "made and kept in `session_secret` beside the database while on SQLite; else required",
        example: "",
        wrong: "change-me",
        beside: &[],
        with: &["DATABASE_URL"],
    },
    Setting {
        name: "SESSION_NAME",
        meaning: "Name of the session's cookie. Another one signs everyone out.",
        default: "`gatehouse`; on https `__Host-gatehouse`, with `COOKIE_DOMAIN` `__Secure-gatehouse`",
        example: "__Host-gatehouse",
        wrong: "gatehouse-session",
        beside: &[HTTPS],
        with: &["BASE_URL", "COOKIE_DOMAIN"],
    },
    Setting {
        name: "SESSION_IDLE_TTL",
        meaning: "How long a session lives without a request; every request starts it anew. A duration, at most `SESSION_ABSOLUTE_TTL`.",
        default: "`24h`",
        example: "24h",
        wrong: "soon",
        beside: &[],
        with: &["SESSION_ABSOLUTE_TTL", "SESSION_REMEMBER_TTL"],
    },
    Setting {
        name: "SESSION_REMEMBER_TTL",
        meaning: "The same for \"remember me\"; without it the cookie ends with the browser. A duration, at most `SESSION_ABSOLUTE_TTL`.",
        default: "`30d`",
        example: "30d",
        wrong: "91d",
        beside: &[],
        with: &["SESSION_ABSOLUTE_TTL", "SESSION_IDLE_TTL"],
    },
    Setting {
        name: "SESSION_ABSOLUTE_TTL",
        meaning: "Nothing prolongs a session past this, from its sign-in on. A duration. Where it is shorter than the defaults of the two above, \
            it is theirs too.",
        default: "`90d`",
        example: "90d",
        wrong: "11y",
        beside: &[],
        with: &["SESSION_IDLE_TTL", "SESSION_REMEMBER_TTL"],
    },
    Setting {
        name: "SESSION_ADMIN_IDLE_TTL",
        meaning: "Longest idle lifetime of administrators' sessions, with \"remember me\" too. A duration, at most `SESSION_IDLE_TTL` and \
            `SESSION_ADMIN_ABSOLUTE_TTL`. [second-factor.md](second-factor.md#administrators)",
        default: "as for everyone",
        example: "1h",
        wrong: "25h",
        beside: &[],
        with: &["SESSION_IDLE_TTL", "SESSION_ADMIN_ABSOLUTE_TTL"],
    },
    Setting {
        name: "SESSION_ADMIN_ABSOLUTE_TTL",
        meaning: "Nothing prolongs an administrator's session past this. A duration, at most `SESSION_ABSOLUTE_TTL`.",
        default: "as for everyone",
        example: "12h",
        wrong: "100d",
        beside: &[],
        with: &["SESSION_ABSOLUTE_TTL", "SESSION_ADMIN_IDLE_TTL"],
    },
    Setting {
        name: "SESSION_LIMIT",
        meaning: "Most sessions a user may have at once; a sign-in above it ends the oldest. 0: no limit, 1: one device.",
        default: "`100`",
        example: "100",
        wrong: "many",
        beside: &[],
        with: &[],
    },
    Setting {
        name: "SESSION_HISTORY",
        meaning: "How long ended sessions are kept for the administration and their owners. A duration, or `forever`.",
        default: "`365d`",
        example: "365d",
        wrong: "never",
        beside: &[],
        with: &["EVENT_HISTORY"],
    },
    Setting {
        name: "EVENT_HISTORY",
        meaning: "How long events of the security log are kept. A duration, or `forever`.",
        default: "`365d`",
        example: "365d",
        wrong: "never",
        beside: &[],
        with: &["SESSION_HISTORY"],
    },
    Setting {
        name: "COOKIE_DOMAIN",
        meaning: "Shares the login with subdomains (then `__Secure-` instead of `__Host-`): the host of `BASE_URL` or a domain above it, no \
            public suffix such as `co.uk`. Every host below it can read the cookie. Another value signs everyone out.",
        default: "unset: the host of `BASE_URL` alone",
        example: "example.org",
        wrong: "org",
        beside: &[HTTPS],
        with: &["BASE_URL", "SESSION_NAME", "GATE_HOSTS", "PAGES_HOST"],
    },
    Setting {
        name: "COOKIE_SAMESITE",
        meaning: "`SameSite` of the session's cookie: `strict`, `lax`, or `none` on https. `strict` shows people who follow a link from elsewhere \
            as signed out at first; `none` is for front ends on another site ([front-end.md](front-end.md#when-the-session-doesnt-persist)).",
        default: "`lax`",
        example: "lax",
        wrong: "none",
        beside: &[],
        with: &["BASE_URL", "FRONTEND_URL", "GATE_HOSTS"],
    },
    Setting {
        name: "SESSION_BINDING",
        meaning: "Whether sessions are bound to the device of their browser, where that can: `offer` or `off`. A bound session needs, beside its \
            cookie, a proof of a key that does not leave the device, so that a stolen cookie is soon of no use. \
            With `off` those that are bound already are not checked any more; when it is \
            `offer` again, they have to sign in again.",
        default: "`offer` on https, else `off`",
        example: "offer",
        wrong: "on",
        beside: &[HTTPS],
        with: &["BASE_URL", "SESSION_BINDING_TTL", "COOKIE_DOMAIN"],
    },
    Setting {
        name: "SESSION_BINDING_TTL",
        meaning: "How long a proof counts, and with it a stolen cookie; the browser renews it by itself. A duration from `2m` to `1d`.",
        default: "`10m`",
        example: "10m",
        wrong: "1m",
        beside: &[],
        with: &["SESSION_BINDING"],
    },
    Setting {
        name: "SESSION_BINDING_ADMIN",
        meaning: "Whether administrators' pages need a session that is bound to its device: `optional` or `required`. Who has to sign in with \
            another browser for that reads so, and which browsers can. [stolen-cookies.md](stolen-cookies.md#settings)",
        default: "`optional`",
        example: "optional",
        wrong: "always",
        beside: &[],
        with: &["SESSION_BINDING"],
    },
    Setting {
        name: "TRIPWIRE",
        meaning: "What is done when somebody else than its browser presents a session's key that leads nowhere: one that has ended or was replaced, or a \
            copy of one that is bound to another device. `notify` records it, shows it in lists, and tells the person and the administrators by \
            mail; `end` ends all sessions of the person too, the first time that a session's key is presented so; `off` looks at none. \
            [tripwire.md](tripwire.md)",
        default: "`notify`",
        example: "notify",
        wrong: "on",
        beside: &[],
        with: &["NOTICES", "SESSION_HISTORY", "SESSION_BINDING"],
    },
];
