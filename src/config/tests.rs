//! Tests of the configuration as a whole: what is taken, what is refused, and what is said about it.

use std::time::Duration;

use super::{reader::DAY, *};

fn config(vars: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let folder = std::env::temp_dir().join("gatehouse-config-tests");
    let database = format!("sqlite://{}/site.db", folder.display());
    let mut all = vec![("DATABASE_URL".to_owned(), database)];
    all.extend(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Config::from_vars(all)
}

fn mistakes(vars: &[(&str, &str)]) -> Vec<String> {
    config(vars).unwrap_err().lines().to_vec()
}

const SECRET: &str = "9b1c6f04d7e2a8539c40be71f5d62a08e3974cb1560fd8a27e49c3158bf06da2";

#[test]
fn defaults_are_documented_ones() {
    let config = config(&[("SESSION_SECRET", SECRET)]).unwrap();
    assert_eq!(config.server.listen_addr.to_string(), "127.0.0.1:3000");
    assert_eq!(config.session.cookie_name, "gatehouse");
    assert_eq!(config.session.idle_ttl, DAY);
    assert_eq!(config.session.remember_ttl, 30 * DAY);
    assert_eq!(config.session.absolute_ttl, 90 * DAY);
    assert_eq!(config.session.ttl(SessionKind { remembered: true, of_admin: true }), 30 * DAY);
    assert_eq!(config.session.absolute_ttl(true), 90 * DAY);
    assert_eq!(config.stores.timeout, Duration::from_millis(250));
    assert_eq!(config.accounts.password_min_length, 8);
    assert_eq!(config.accounts.confirm_ttl, Duration::from_secs(600));
    assert_eq!((config.history.sessions, config.history.events), (Some(365 * DAY), Some(365 * DAY)));
    assert!(config.accounts.registration_open && config.accounts.throttle);
    assert!(!config.accounts.confirmation_required);
    assert!(config.stores.redis.is_none());
    assert!(config.mail.server.is_none());
    assert_eq!(
        config.mail.sender(&config.server, &config.site.name).to_string(),
        "Gatehouse <gatehouse@localhost>"
    );
}

#[test]
fn mail_comes_from_the_host_of_the_site_and_files_lie_beside_the_database() {
    for (base, sender) in [
        ("https://login.example.org", "gatehouse@login.example.org"),
        ("https://bücher.example:8443", "gatehouse@xn--bcher-kva.example"),
        ("http://192.0.2.7:3000", "gatehouse@localhost"),
        ("http://[2001:db8::7]", "gatehouse@localhost"),
    ] {
        let config = config(&[("SESSION_SECRET", SECRET), ("BASE_URL", base)]).unwrap();
        assert_eq!(config.mail.sender(&config.server, &config.site.name).email.to_string(), sender);
        assert!(config.mail.folder.ends_with("gatehouse-config-tests/mail"));
    }
    let postgres = [("SESSION_SECRET", SECRET), ("DATABASE_URL", "postgres://db/site")];
    assert_eq!(config(&postgres).unwrap().mail.folder, Path::new("data/mail"));
}

#[test]
fn mistakes_are_reported_together() {
    let lines = mistakes(&[
        ("LISTEN_ADDR", "nowhere"),
        ("SESSION_IDLE_TTL", "soon"),
        ("REGISTRATION", "perhaps"),
        ("THROTTLE", "perhaps"),
        ("NOTICES", "perhaps"),
        ("EMAIL_CONFIRMATION", "perhaps"),
        ("SECOND_FACTOR", "admins"),
        ("PASSWORD_MIN_LENGTH", "4"),
        ("SESSION_SECRET", "short"),
    ]);
    assert_eq!(lines.len(), 9, "{lines:?}");
    for name in [
        "LISTEN_ADDR",
        "SESSION_IDLE_TTL",
        "REGISTRATION",
        "THROTTLE",
        "NOTICES",
        "EMAIL_CONFIRMATION",
        "SECOND_FACTOR",
        "PASSWORD_MIN_LENGTH",
        "SESSION_SECRET",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(&format!("{name}: "))), "{lines:?}");
    }
}

#[test]
fn mistakes_never_show_secrets() {
    let lines = mistakes(&[
        ("SESSION_SECRET", "hunter2"),
        ("REDIS_URL", "http://:hunter2@cache:6379"),
        ("DATABASE_URL", "mysql://root:hunter2@db/site"),
        ("SMTP_URL", "http://ada:hunter2@mail"),
        ("MAIL_FROM", "smtp://ada:hunter2@mail"),
    ]);
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(!lines.concat().contains("hunter2"), "{lines:?}");
}

#[test]
fn misspelt_name_is_reported() {
    for (name, meant) in [
        ("SESSION_IDEL_TTL", "SESSION_IDLE_TTL"),
        ("REDIS_URI", "REDIS_URL"),
        ("GATEHOUSE_BASE_URL", "BASE_URL"),
        ("TRUSTED_PROXIE", "TRUSTED_PROXIES"),
        ("SMTP_URI", "SMTP_URL"),
        ("GATEHOUSE_OPS_ADDR", "OPS_ADDR"),
    ] {
        let lines = mistakes(&[(name, "x"), ("SESSION_SECRET", SECRET)]);
        let wanted = format!("did you mean {meant}?");
        assert!(lines.iter().any(|line| line.contains(&wanted)), "{name}: {lines:?}");
    }
    assert!(config(&[("SESSION_MANAGER", "x"), ("HTTP_PROXY", "y"), ("SESSION_SECRET", SECRET)]).is_ok());
}

/// A variable, a value that it may not have, and variables beside it.
type Refused = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const REFUSED: &[Refused] = &[
    ("COOKIE_DOMAIN", "other.org", &[]),
    ("COOKIE_DOMAIN", "ple.org", &[]),
    ("COOKIE_DOMAIN", "a.login.example.org", &[]),
    ("COOKIE_DOMAIN", "org", &[]),
    ("COOKIE_DOMAIN", "example.org.", &[]),
    ("COOKIE_DOMAIN", "..example.org", &[]),
    ("COOKIE_DOMAIN", "co.uk", &[("BASE_URL", "https://login.co.uk")]),
    ("COOKIE_DOMAIN", "github.io", &[("BASE_URL", "https://ada.github.io")]),
    ("COOKIE_DOMAIN", "192.0.2.7", &[("BASE_URL", "http://192.0.2.7")]),
    ("COOKIE_DOMAIN", "localhost", &[("BASE_URL", "http://localhost")]),
    ("SESSION_NAME", "gatehouse-notice", &[]),
    ("SESSION_NAME", "reader-zone", &[]),
    ("SESSION_NAME", "__Host-gatehouse-notice", &[]),
    ("SESSION_NAME", "__Secure-gatehouse-notice", &[]),
    ("SESSION_NAME", "__Host-", &[]),
    ("SESSION_NAME", "a-name-of-65-characters-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &[]),
    ("SESSION_NAME", "a;b", &[]),
    ("SESSION_NAME", "__host-x", &[("COOKIE_DOMAIN", "example.org")]),
    ("SESSION_NAME", "__SECURE-x", &[("BASE_URL", "http://login.example.org")]),
    ("SESSION_NAME", "__Http-x", &[("BASE_URL", "http://login.example.org")]),
    ("SESSION_IDLE_TTL", "2d", &[("SESSION_ABSOLUTE_TTL", "1d")]),
    ("SESSION_REMEMBER_TTL", "91d", &[]),
    ("BASE_URL", "https://login.example.org/app", &[]),
    ("BASE_URL", "https://ada:hunter2@login.example.org", &[]),
    ("BASE_URL", "https://hunter2@login.example.org", &[]),
    ("BASE_URL", "https://:hunter2@login.example.org", &[]),
    ("BASE_URL", "https://login.example.org#x", &[]),
    ("BASE_URL", "https://login.example.org?x=1", &[]),
    ("BASE_URL", "ftp://login.example.org", &[]),
    ("BASE_URL", "https://0.0.0.0", &[]),
    ("BASE_URL", "https://[::]:3000", &[]),
    ("BASE_URL", "https://login.example.org:0", &[]),
    ("BASE_URL", "https://login.example.org.", &[]),
    ("BASE_URL", "https://*.example.org", &[]),
    ("ALLOWED_HOSTS", "https://login.example.net", &[]),
    ("ALLOWED_HOSTS", "login.example.net:3000", &[]),
    ("ALLOWED_HOSTS", "login.example.net,,", &[]),
    ("ALLOWED_HOSTS", "*.example.net", &[]),
    ("ALLOWED_HOSTS", "*", &[]),
    ("ALLOWED_HOSTS", "0.0.0.0", &[]),
    ("ALLOWED_HOSTS", "192.0.2.0/24", &[]),
    ("ALLOWED_HOSTS", "ada@login.example.net", &[]),
    ("TRUSTED_PROXIES", "0.0.0.0/0", &[]),
    ("TRUSTED_PROXIES", "10.0.0.0/8,::/0", &[]),
    ("TRUSTED_PROXIES", "0.0.0.0/1,128.0.0.0/1", &[]),
    ("TRUSTED_PROXIES", "10.0.0.0/7", &[]),
    ("TRUSTED_PROXIES", "2000::/3", &[]),
    ("TRUSTED_PROXIES", "2001::/15", &[]),
    ("TRUSTED_PROXIES", "8000::/1", &[]),
    ("TRUSTED_PROXIES", "::ffff:0:0/96", &[]),
    ("TRUSTED_PROXIES", "::ffff:0:0/103", &[]),
    ("TRUSTED_PROXIES", "::ffff:0:0/90", &[]),
    ("TRUSTED_PROXIES", "10.0.0.0/33", &[]),
    ("TRUSTED_PROXIES", "proxy.example.org", &[]),
    ("LISTEN_ADDR", "redis://:hunter2@h", &[]),
    ("PASSWORD_MIN_LENGTH", "7", &[]),
    ("PASSWORD_MIN_LENGTH", "65", &[]),
    ("BREACHED_PASSWORDS", "/none/of/these", &[]),
    ("BREACHED_PASSWORDS", "/", &[]),
    ("PAGES_HOST", "pages.example.org", &[]),
    ("PAGES_HOST", "login.example.org", &[("PAGES_DIR", "/usr")]),
    ("PAGES_HOST", "https://pages.example.org", &[("PAGES_DIR", "/usr")]),
    ("PAGES_HOST", "pages.example.org:8443", &[("PAGES_DIR", "/usr")]),
    ("PAGES_HOST", "*.example.org", &[("PAGES_DIR", "/usr")]),
    ("PAGES_HOST", "sso.example.org", &[("PAGES_DIR", "/usr"), ("ALLOWED_HOSTS", "sso.example.org")]),
    ("PAGES_HOST", "192.0.2.7", &[("PAGES_DIR", "/usr")]),
];

#[test]
fn settings_that_cannot_work_are_refused() {
    for (name, value, others) in REFUSED {
        let mut vars = vec![("SESSION_SECRET", SECRET), ("BASE_URL", "https://login.example.org")];
        vars.extend(*others);
        vars.push((name, value));
        let lines = mistakes(&vars);
        assert!(lines.len() == 1 && lines[0].starts_with(&format!("{name}: ")), "{name}={value}: {lines:?}");
        assert!(!lines[0].contains("hunter2"), "{lines:?}");
    }
}

#[test]
fn history_is_a_duration_or_forever() {
    let history = |value| config(&[("SESSION_SECRET", SECRET), ("SESSION_HISTORY", value)]);
    assert_eq!(history("30d").unwrap().history.sessions, Some(30 * DAY));
    assert_eq!(history("forever").unwrap().history.sessions, None);
    for wrong in ["never", "0s", "365"] {
        let lines = history(wrong).unwrap_err().lines().to_vec();
        assert!(lines[0].starts_with("SESSION_HISTORY: ") && lines[0].contains("forever"), "{lines:?}");
    }
}

#[test]
fn rolling_lifetimes_default_to_the_absolute_one_at_most() {
    let config = config(&[("SESSION_SECRET", SECRET), ("SESSION_ABSOLUTE_TTL", "12h")]).unwrap();
    assert_eq!((config.session.idle_ttl, config.session.remember_ttl), (DAY / 2, DAY / 2));
    assert_eq!((config.session.admin_idle_ttl, config.session.admin_absolute_ttl), (DAY / 2, DAY / 2));
}

#[test]
fn base_url_follows_listen_addr() {
    for (listen, base) in [
        ("127.0.0.1:8080", "http://localhost:8080/"),
        ("[::]:80", "http://localhost/"),
        ("192.0.2.7:3000", "http://192.0.2.7:3000/"),
        ("[2001:db8::7]:3000", "http://[2001:db8::7]:3000/"),
    ] {
        let proxy = ("TRUSTED_PROXIES", "10.0.0.1");
        let mut config = config(&[("SESSION_SECRET", SECRET), ("LISTEN_ADDR", listen), proxy]).unwrap();
        assert_eq!(config.server.base_url.as_str(), base);
        config.server.listens_on(([127, 0, 0, 1], 4711).into());
        assert_eq!(config.server.base_url.as_str(), "http://localhost:4711/");
    }
}

#[test]
fn hosts_are_those_of_base_url_and_allowed_hosts() {
    let server =
        |vars: &[(&str, &str)]| config(&[&[("SESSION_SECRET", SECRET)], vars].concat()).unwrap().server;
    let default = server(&[]);
    let named = server(&[
        ("BASE_URL", "https://login.bücher.example"),
        ("ALLOWED_HOSTS", "SSO.example.net, 192.0.2.7,[2001:db8::7], 2001:db8::8"),
    ]);
    for (host, by_default, by_name) in [
        ("localhost", true, true),
        ("127.0.0.2", true, true),
        ("[::1]", true, true),
        ("[::ffff:127.0.0.1]", true, true),
        ("login.xn--bcher-kva.example", false, true),
        ("sso.example.net", false, true),
        ("192.0.2.7", false, true),
        ("[2001:db8::7]", false, true),
        ("[2001:db8::8]", false, true),
        ("192.0.2.8", false, false),
        ("sso.example.net.", false, false),
        ("a.sso.example.net", false, false),
        ("example.net", false, false),
        ("localhost.evil.example", false, false),
    ] {
        let parsed = url::Host::parse(host).unwrap();
        assert_eq!((default.has_host(&parsed), named.has_host(&parsed)), (by_default, by_name), "{host}");
    }
}

#[test]
fn trusted_proxies_in_mapped_form_are_those_of_ipv4() {
    let proxies = "::ffff:10.0.0.0/104, ::ffff:192.0.2.7,2001:db8::/32,fc00::/7,2a00::/16";
    let config = config(&[("SESSION_SECRET", SECRET), ("TRUSTED_PROXIES", proxies)]).unwrap();
    let networks: Vec<String> = config.server.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "fc00::/7", "2a00::/16"]);
}

#[test]
fn public_address_needs_a_proxy() {
    for (listen, is_public) in [
        ("203.0.113.7:3000", true),
        ("[2001:db8::7]:443", true),
        ("[::ffff:203.0.113.7]:443", true),
        ("127.0.0.1:3000", false),
        ("10.1.2.3:3000", false),
        ("169.254.1.2:3000", false),
        ("100.64.0.7:3000", false),
        ("172.18.0.2:3000", false),
        ("[::1]:3000", false),
        ("[fd00::1]:3000", false),
    ] {
        let vars = [("SESSION_SECRET", SECRET), ("LISTEN_ADDR", listen)];
        match config(&vars) {
            Ok(_) => assert!(!is_public, "{listen}"),
            Err(mistakes) => {
                let lines = mistakes.lines();
                assert!(is_public && lines.len() == 1, "{listen}: {lines:?}");
                assert!(lines[0].starts_with("LISTEN_ADDR: ") && lines[0].contains("TRUSTED_PROXIES"));
            }
        }
        assert!(config(&[vars[0], vars[1], ("TRUSTED_PROXIES", "192.0.2.1")]).is_ok(), "{listen}");
    }
}

#[test]
fn https_sets_host_prefix_without_cookie_domain() {
    let base = ("BASE_URL", "https://login.example.org");
    let secret = ("SESSION_SECRET", SECRET);
    assert_eq!(config(&[base, secret]).unwrap().session.cookie_name, "__Host-gatehouse");
    let shared = config(&[base, secret, ("COOKIE_DOMAIN", "example.org")]).unwrap();
    assert_eq!(shared.session.cookie_name, "__Secure-gatehouse");
    assert_eq!(mistakes(&[secret, ("SESSION_NAME", "__Host-x")]).len(), 1);
    assert_eq!(mistakes(&[secret, ("COOKIE_SAMESITE", "none")]).len(), 1);
}

#[test]
fn administrators_lifetimes_are_at_most_those_of_everyone() {
    for (variables, line) in [
        (&[("SESSION_ADMIN_IDLE_TTL", "25h")][..], "at most SESSION_IDLE_TTL, which is 1d"),
        (&[("SESSION_ADMIN_ABSOLUTE_TTL", "91d")], "at most SESSION_ABSOLUTE_TTL, which is 90d"),
        (
            &[("SESSION_ADMIN_ABSOLUTE_TTL", "8h"), ("SESSION_ADMIN_IDLE_TTL", "9h")],
            "at most SESSION_ADMIN_ABSOLUTE_TTL, which is 8h",
        ),
    ] {
        let lines = mistakes(&[&[("SESSION_SECRET", SECRET)], variables].concat());
        assert!(lines.len() == 1 && lines[0].contains(line), "{lines:?}");
    }
    let config = config(&[
        ("SESSION_SECRET", SECRET),
        ("SESSION_ADMIN_IDLE_TTL", "1h"),
        ("SESSION_ADMIN_ABSOLUTE_TTL", "12h"),
    ])
    .unwrap();
    let ttl = |remembered, of_admin| config.session.ttl(SessionKind { remembered, of_admin });
    assert_eq!((ttl(false, true), ttl(true, true), ttl(true, false)), (DAY / 24, DAY / 24, 30 * DAY));
    assert_eq!((config.session.absolute_ttl(true), config.session.absolute_ttl(false)), (DAY / 2, 90 * DAY));
}
