//! The search for users: the text that a user is found by, and the query of a search.

use crate::{
    text::{SearchKey, fold},
    web::query,
};

/// Most bytes of a folded name and of a folded address. Lists of sessions keep both in an index, whose entries Postgres limits to a
/// third of a page; folding can make a text many times as long.
const MAX_NAME: usize = 1_200;
const MAX_ADDRESS: usize = 600;

/// The text that a user is found by: name and address on lines of their own, folded, and the address as it is compared where that
/// reads otherwise. Each of the user's sessions has a copy; a trigger of the database updates those of live
/// sessions when it changes.
pub fn search_text(name: &str, email: &str, email_key: &str) -> String {
    let address = fold(email);
    let mut text = shortened(fold(name), MAX_NAME);
    text.push('\n');
    if address != email_key {
        text.push_str(&shortened(address, MAX_ADDRESS));
        text.push('\n');
    }
    text.push_str(email_key);
    text
}

fn shortened(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

/// Part of a name or address to search for, at most 100 characters of which one is visible.
pub fn part(typed: &str) -> Option<SearchKey> {
    SearchKey::new(&query::text(typed)?)
}

/// A search for users: by part of a name or address, or for exactly one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserQuery {
    /// Users with this in their name or address, in any case.
    Named(SearchKey),
    /// The user with this number, also once the account is deleted.
    Number(i64),
}

impl UserQuery {
    /// Reads part of a name or address, or `#` and a user's number.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('#') {
            Some(number) => number.parse().ok().map(Self::Number),
            None => part(text).map(Self::Named),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn search_text_fits_an_index() {
        let longest =
            |c: char| search_text(&c.to_string().repeat(100), &c.to_string().repeat(80), &"k".repeat(254));
        for c in ['\u{fdfa}', '\u{ac01}', '\u{1f82}', 'x'] {
            assert!(longest(c).len() <= 2_100, "{c}: {}", longest(c).len());
        }
    }

    proptest! {
        #[test]
        fn search_text_has_name_and_address(name in r"\p{L}{1,30}", local in "[A-Za-z.]{1,20}") {
            let email = format!("{local}@Example.ORG");
            let text = search_text(&name, &email, &email.to_lowercase());
            for typed in [&name, &email, &email.to_uppercase()] {
                if let Some(UserQuery::Named(key)) = UserQuery::parse(typed) {
                    prop_assert!(text.contains(key.as_str()), "{typed}");
                }
            }
        }
    }
}
