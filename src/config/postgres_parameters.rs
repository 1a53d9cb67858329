//! The parameters of a Postgres URL: their names and values as libpq takes them.

use super::percent;

/// The names that libpq has (`PQconninfoOptions`, version 18; that of a replication connection is left out). One that an older
/// libpq lacks is refused when it connects.
const NAMES: [&str; 49] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "options",
    "passfile",
    "password",
    "port",
    "require_auth",
    "requirepeer",
    "scram_client_key",
    "scram_server_key",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslkeylogfile",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// The parameters that hold a secret.
const SECRETS: [&str; 5] =
    ["oauth_client_secret", "password", "scram_client_key", "scram_server_key", "sslpassword"];

/// The parameters that hold a whole number.
const NUMBERS: [&str; 6] = [
    "connect_timeout",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "tcp_user_timeout",
];

/// The parameters that hold one of a few values. Gatehouse writes, so servers that only read are not among them.
const CHOICES: [(&str, &[&str]); 5] = [
    ("channel_binding", &["disable", "prefer", "require"]),
    ("gssencmode", &["disable", "prefer", "require"]),
    ("load_balance_hosts", &["disable", "random"]),
    ("sslmode", &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
    ("target_session_attrs", &["any", "read-write", "primary"]),
];

/// The values that need TLS or GSSAPI, which the bundled libpq lacks.
const NEED_ENCRYPTION: [(&str, &[&str]); 4] = [
    ("channel_binding", &["require"]),
    ("gssencmode", &["require"]),
    ("sslmode", &["require", "verify-ca", "verify-full"]),
    ("sslnegotiation", &["direct"]),
];

/// Whether the parameter holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// The names and values of what follows the `?` of a URL.
pub(super) fn read(query: &str) -> Result<Vec<(String, String)>, String> {
    // libpq allows one `&` at the end.
    let query = query.strip_suffix('&').unwrap_or(query);
    let pairs = query.split('&').filter(|_| !query.is_empty());
    pairs.map(read_pair).collect()
}

fn read_pair(pair: &str) -> Result<(String, String), String> {
    let unreadable =
        "has a parameter that is not written name=value; = and & in a value are written %3D and %26";
    let (name, value) = pair.split_once('=').ok_or(unreadable)?;
    if value.contains('=') {
        return Err(unreadable.to_owned());
    }
    let (mut name, mut value) = (percent::decode_lossy(name)?, percent::decode_lossy(value)?);
    if name == "ssl" && value == "true" {
        (name, value) = ("sslmode".to_owned(), "require".to_owned());
    }
    check(&name, &value)?;
    Ok((name, value))
}

fn check(name: &str, value: &str) -> Result<(), String> {
    if matches!(name, "schema" | "currentSchema" | "search_path") {
        return Err(format!(
            "has the parameter {name}, which libpq does not know; write options=-csearch_path%3DNAME"
        ));
    }
    if !NAMES.contains(&name) {
        // Its name is not shown: it may be the rest of a password.
        return Err("has a parameter that libpq does not know".to_owned());
    }
    if NUMBERS.contains(&name) && value.parse::<i32>().is_err() {
        return Err(format!("has a parameter {name} that is not a whole number"));
    }
    if let Some((_, choices)) = CHOICES.iter().find(|(choice, _)| *choice == name)
        && !choices.contains(&value)
    {
        return Err(format!("has a parameter {name} that is not one of {}", choices.join(", ")));
    }
    let needs_encryption =
        NEED_ENCRYPTION.iter().any(|(known, values)| *known == name && values.contains(&value));
    if cfg!(feature = "bundled-libpq") && needs_encryption {
        return Err(format!(
            "has {name}={value}, and this program was built without TLS for Postgres; \
             build it with --no-default-features --features system-libpq"
        ));
    }
    Ok(())
}
