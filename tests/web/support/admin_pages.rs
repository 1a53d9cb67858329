//! The administrator's pages of users, and the one-time links that they show.

use super::{answer::Answer, stores::Stores, users::Person};

impl Stores {
    /// The path of a user's page for administrators.
    #[track_caller]
    pub fn admin_path(&self, person: &Person) -> String {
        format!("/admin/users/{}", self.user_id(person))
    }
}

/// The one-time link on the page that shows it.
#[track_caller]
pub fn link_on(page: &Answer) -> String {
    let link = page.attributes("input#link", "value").into_iter().next();
    link.unwrap_or_else(|| panic!("no link on {}", page.summary()))
}

/// The token in any one-time link.
#[track_caller]
pub fn any_token_of(link: &str) -> String {
    link.split_once("?token=").unwrap_or_else(|| panic!("{link}")).1.to_owned()
}

/// The token in a one-time link that sets a password.
#[track_caller]
pub fn token_of(link: &str) -> String {
    link.split_once("/password/reset?token=").unwrap_or_else(|| panic!("{link}")).1.to_owned()
}
