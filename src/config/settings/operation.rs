//! Mail, the log and metrics.

use super::Setting;

pub(super) const MAIL: &[Setting] = &[
    Setting {
        name: "SMTP_URL",
        meaning: "The server that takes the mail: `smtp://[user:password@]host[:port]` (STARTTLS, required with a password), `smtps://` (TLS); \
            special characters of a password as `%40` and so on. [accounts.md](accounts.md#how-mail-leaves)",
        default: "unset: mail becomes files, `mail/*.eml` beside the database of SQLite, else in `data/`",
        example: "smtp://user:password@mail.example.org:587",
        wrong: "mail.example.org:587",
        beside: &[],
        with: &["MAIL_FROM", "EMAIL_CONFIRMATION", "NOTICES"],
    },
    Setting {
        name: "MAIL_FROM",
        meaning: "Whom mail comes from: an address, or a name and an address.",
        default: "`SITE_NAME` and `gatehouse` at the host of `BASE_URL`",
        example: "Gatehouse <gatehouse@login.example.org>",
        wrong: "Gatehouse",
        beside: &[],
        with: &["SMTP_URL", "SITE_NAME"],
    },
];

pub(super) const LOG: &[Setting] = &[
    Setting {
        name: "OPS_ADDR",
        meaning: "A listener of its own for metrics (Prometheus) and the details of `/readyz`. It answers everybody who reaches it. \
            [metrics.md](metrics.md)",
        default: "unset: none",
        example: "127.0.0.1:9100",
        wrong: "127.0.0.1:3000",
        beside: &[],
        with: &["LISTEN_ADDR"],
    },
    Setting {
        name: "LOG_FORMAT",
        meaning: "`text` or `json`, on standard error; one entry for each request ([metrics.md](metrics.md#the-log)).",
        default: "`text`",
        example: "text",
        wrong: "xml",
        beside: &[],
        with: &["RUST_LOG"],
    },
    Setting {
        name: "RUST_LOG",
        meaning: "Which log entries are written: a level, or levels by target.",
        default: "`info`, without what libraries report that is logged elsewhere already",
        example: "info",
        wrong: "gatehouse=loud",
        beside: &[],
        with: &["LOG_FORMAT"],
    },
];
