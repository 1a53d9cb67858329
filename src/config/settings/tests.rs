//! Tests that what is said of the variables is so.

use std::{collections::BTreeSet, fs, path::Path};

use super::*;
use crate::config::{Config, settings};

/// Where files are needed that a test machine does not have.
const OF_FILES: [&str; 4] = ["PAGES_DIR", "SITE_LOGO", "SITE_CSS", "BREACHED_PASSWORDS"];

#[test]
fn pages_in_the_repository_are_those_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, text, command) in [
        (".env.example", settings::env_file(), "gatehouse settings > .env.example"),
        ("docs/configuration.md", settings::page(), "gatehouse settings --page > docs/configuration.md"),
    ] {
        let found = fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(found == text, "{file} differs from src/config/settings/; run: {command}");
    }
}

#[test]
fn settings_are_each_said_once_and_lead_to_others_that_exist() {
    let names: BTreeSet<&str> = names().collect();
    assert_eq!(names.len(), all().count());
    for setting in all() {
        for other in setting.with.iter().chain(setting.beside.iter().map(|(name, _)| name)) {
            assert!(names.contains(other) && *other != setting.name, "{}: {other}", setting.name);
        }
    }
}

#[test]
fn wrong_value_is_refused_with_one_line() {
    for setting in all() {
        let mistakes = Config::from_vars(setting.variables(setting.wrong)).unwrap_err();
        let lines = mistakes.lines();
        assert!(lines.len() == 1 && lines[0].starts_with(setting.name), "{}: {lines:?}", setting.name);
    }
}

#[test]
fn examples_are_taken() {
    for setting in all().filter(|setting| !OF_FILES.contains(&setting.name)) {
        let read = Config::from_vars(setting.variables(setting.example));
        assert!(read.is_ok(), "{}: {:?}", setting.name, read.map(|_| ()));
    }
}

#[test]
fn defaults_are_what_holds_without_the_variable() {
    let mut compared = 0;
    for setting in all() {
        let Some(value) = setting.default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else {
            continue;
        };
        if value.contains('`') {
            continue;
        }
        let read = |value: &str| {
            let mut variables = setting.variables(value);
            variables.retain(|(name, _)| name == setting.name || name == "SESSION_SECRET");
            let config = Config::from_vars(variables);
            format!("{:?}", config.unwrap_or_else(|mistakes| panic!("{}: {mistakes}", setting.name)))
        };
        assert_eq!(read(value), read(""), "{}", setting.name);
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
}
