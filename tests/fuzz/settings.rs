//! The readers of addresses in the configuration.

use gatehouse::config::{Config, DatabaseUrl, Mistakes};
use proptest::prelude::*;
use url::Url;

use crate::mutate;

/// Reads a configuration with these variables.
pub fn read(vars: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let secret = ("SESSION_SECRET", "9b1c6f04d7e2a8539c40be71f5d62a08e3974cb1560fd8a27e49c3158bf06da2");
    let vars = std::iter::once(&secret).chain(vars);
    let vars = vars.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_vars(vars.collect::<Vec<_>>())
}

/// The addresses in which the passwords of stores stand.
const STORES: [&str; 2] = ["DATABASE_URL", "REDIS_URL"];

proptest! {
    #[test]
    fn settings_with_passwords_are_never_shown(address in mutate::text(include_str!("corpus/stores.txt")), which in 0..2_usize) {
        let name = STORES[which];
        match read(&[(name, &address)]) {
            // The path of a SQLite file is no secret.
            Ok(config) if matches!(config.stores.database, DatabaseUrl::Sqlite(_)) && name == "DATABASE_URL" => {}
            Ok(config) => prop_assert!(!format!("{config:?}").contains("hunter2"), "{config:?}"),
            Err(mistakes) => {
                let lines = mistakes.lines();
                prop_assert!(lines.len() == 1 && lines[0].starts_with(&format!("{name}: ")), "{lines:?}");
                prop_assert!(!lines[0].contains("hunter2") && !lines[0].contains('\n'), "{lines:?}");
            }
        }
    }

    #[test]
    fn settings_of_the_site_name_an_origin(address in mutate::text(include_str!("corpus/sites.txt"))) {
        match read(&[("BASE_URL", &address)]) {
            Ok(config) => {
                let page = Url::parse(&config.server.href("/login?next=%2Fprofile")).unwrap();
                prop_assert_eq!(page.origin(), config.server.base_url.origin());
                prop_assert_eq!((page.path(), page.username(), page.password()), ("/login", "", None));
            }
            Err(mistakes) => prop_assert!(mistakes.lines()[0].starts_with("BASE_URL: "), "{mistakes}"),
        }
    }

    #[test]
    fn settings_of_hosts_and_proxies_match_what_they_name(text in mutate::text(include_str!("corpus/networks.txt"))) {
        if let Ok(config) = read(&[("TRUSTED_PROXIES", &text)]) {
            for network in &config.server.trusted_proxies {
                prop_assert!(network.prefix_len() > 0, "{network}");
                // The addresses that it is compared with are never IPv4 in the form of IPv6.
                prop_assert_eq!(network.addr().to_canonical(), network.addr());
            }
        }
        let hosts = read(&[("ALLOWED_HOSTS", &text)]);
        if hosts.is_ok() && !text.trim().is_empty() {
            for host in text.split(',') {
                let host = host.trim();
                let bracketed = if host.matches(':').count() > 1 && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
                let host = url::Host::parse(&bracketed).unwrap();
                prop_assert!(hosts.as_ref().unwrap().server.has_host(&host), "{host}");
            }
        }
    }
}
