//! What the tests use as passwords, keys and tokens, so that every program's log can be searched for all of them.

use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex},
};

/// All secrets that this run has used so far.
static USED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// Shorter ones are in a log by chance.
const SHORTEST: usize = 12;

/// Fields of forms and calls whose values are secrets.
const FIELDS: [&str; 9] = [
    "password",
    "password_confirmation",
    "current_password",
    "confirm_password",
    "code",
    "confirm_code",
    "token",
    "mfa_token",
    "credential",
];

/// Notes a secret.
pub fn note(secret: &str) {
    if secret.len() >= SHORTEST {
        USED.lock().unwrap().insert(secret.to_owned());
    }
}

/// Notes the value of a field, if it is a secret.
pub fn note_field(name: &str, value: &str) {
    if FIELDS.contains(&name) {
        note(value);
    }
}

/// Notes the token of a one-time link.
pub fn note_link(path: &str) {
    if let Some((_, query)) = path.split_once('?') {
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            note_field(name, value);
        }
    }
}

/// The secrets that a log has. The link for the first administrator is printed on purpose, on a line of its own.
pub fn found_in(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim_start().starts_with("http")).collect();
    let log = lines.join("\n");
    USED.lock().unwrap().iter().filter(|secret| log.contains(secret.as_str())).cloned().collect()
}
