//! What is said of each variable: the one text from which `gatehouse settings`, `.env.example` and `docs/configuration.md` are made.
//!
//! What a variable may hold is not said here: the page quotes the reader's own refusal of a wrong value.

mod accounts;
mod operation;
mod page;
mod reachability;
mod sessions;
mod site;
mod stores;

pub use page::{env_file, page};

/// Variables that belong together.
struct Group {
    title: &'static str,
    /// What a file `.env` says behind the title.
    remark: &'static str,
    settings: &'static [Setting],
}

/// One variable.
struct Setting {
    name: &'static str,
    /// What it does, in Markdown; links are relative to `docs/`.
    meaning: &'static str,
    /// What holds without it, in Markdown. One code span and nothing else is a value that could be set.
    default: &'static str,
    /// A value that may be set beside the settings of `beside`; empty for secrets.
    example: &'static str,
    /// A value that is refused beside the settings of `beside`.
    wrong: &'static str,
    /// What has to be set for the example, and for the refusal.
    beside: &'static [(&'static str, &'static str)],
    /// Variables on which it has an effect, or which have one on it.
    with: &'static [&'static str],
}

/// All variables, in the order of the page.
const GROUPS: [Group; 7] = [
    Group { title: "Where it listens and how browsers see it", remark: "", settings: reachability::SETTINGS },
    Group { title: "Your site's own name and look", remark: "", settings: site::SETTINGS },
    Group {
        title: "Database and Redis",
        remark: "special characters of a password as %40 and so on",
        settings: stores::SETTINGS,
    },
    Group {
        title: "Sessions",
        remark: "make a secret with `openssl rand -hex 64`; `new,old` still reads cookies under the old one",
        settings: sessions::SETTINGS,
    },
    Group { title: "Accounts", remark: "", settings: accounts::SETTINGS },
    Group {
        title: "Mail",
        remark: "special characters of a password as %40 and so on",
        settings: operation::MAIL,
    },
    Group { title: "Log and metrics", remark: "", settings: operation::LOG },
];

fn all() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().flat_map(|group| group.settings)
}

/// The names of all variables.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|setting| setting.name)
}

#[cfg(test)]
mod tests;
