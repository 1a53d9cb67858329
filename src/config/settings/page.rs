//! `.env.example` and `docs/configuration.md`, made from the settings.

use std::fmt::Write as _;

use actix_web::cookie::Key;

use super::{GROUPS, Setting};
use crate::config::Config;

/// What stands above the variables in the page.
const HEAD: &str = include_str!("head.md");

const ENV_HEAD: &str = "\
# Copy this file to `.env`, or set the variables in the environment, which wins. Every line shows a default or an example;
# docs/configuration.md says what each variable means. `gatehouse check-config` checks the result.
# Values are taken as they stand ($ replaces nothing); put those with spaces or # in 'single quotes'.
";

/// A file `.env` with every variable, commented out.
pub fn env_file() -> String {
    let group = |group: &super::Group| {
        let lines: String = group.settings.iter().map(|one| format!("# {}\n", one.assignment())).collect();
        let separator = if group.remark.is_empty() { "" } else { "; " };
        format!("\n# {}{separator}{}\n{lines}", group.title, group.remark)
    };
    GROUPS.iter().fold(ENV_HEAD.to_owned(), |file, next| file + &group(next))
}

/// The page on all variables, in Markdown.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for group in &GROUPS {
        let names = group.settings.iter().map(|setting| link(setting.name));
        let names = names.collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "| {} | {names} |", group.title);
    }
    for group in &GROUPS {
        let _ = writeln!(page, "\n## {}", group.title);
        page.extend(group.settings.iter().map(Setting::section));
    }
    page
}

fn link(name: &str) -> String {
    format!("[`{name}`](#{})", name.to_lowercase())
}

fn assignments(settings: &[(&str, &str)]) -> String {
    let each = settings.iter().map(|(name, value)| format!("`{name}={value}`"));
    each.collect::<Vec<_>>().join(", ")
}

impl Setting {
    /// The line of `.env` that sets it to its example.
    fn assignment(&self) -> String {
        let quote = if self.example.contains([' ', '#', '"']) { "'" } else { "" };
        format!("{}={quote}{}{quote}", self.name, self.example)
    }

    fn section(&self) -> String {
        let mut text = format!("\n### `{}`\n\n{}\n\n| | |\n|---|---|\n", self.name, self.meaning);
        let _ = writeln!(text, "| Default | {} |", self.default);
        if !self.example.is_empty() {
            let _ = writeln!(text, "| Example | `{}` |", self.assignment());
        }
        if !self.with.is_empty() {
            let names = self.with.iter().map(|name| link(name)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "| Goes with | {names} |");
        }
        let beside = match self.beside {
            [] => String::new(),
            beside => format!(", beside {},", assignments(beside)),
        };
        let wrong = assignments(&[(self.name, self.wrong)]);
        let _ = writeln!(text, "\n{wrong}{beside} is refused:\n\n```text\n{}\n```", self.refusal());
        text
    }

    /// What the reader says of the wrong value.
    fn refusal(&self) -> String {
        let read = Config::from_vars(self.variables(self.wrong));
        read.err().map(|mistakes| mistakes.to_string()).unwrap_or_default()
    }

    /// The variable with a value, among others with which it could be right.
    pub(super) fn variables(&self, value: &str) -> Vec<(String, String)> {
        let secret = hex::encode(Key::generate().master());
        let others = [("SESSION_SECRET", secret.as_str())];
        let all = others.iter().chain(self.beside).filter(|(name, _)| *name != self.name);
        all.chain([&(self.name, value)])
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }
}
