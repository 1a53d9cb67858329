//! The filter of the list of users: one set of fields for the page and for the command line.

use serde::Deserialize;

use crate::{
    users::{
        Role,
        list::{Filter, State},
        part,
    },
    web::{
        FieldErrors, ListAddress, cursor,
        query::{read, yes_or_no},
    },
};

const PERSON_HINT: &str = "Enter part of a name or address, at most 100 characters.";

/// The fields as typed; an empty one filters nothing.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct UserFields {
    /// Part of a name or address.
    pub q: String,
    /// `user` or `admin`.
    pub role: String,
    /// `active`, `invited` or `deactivated`.
    pub state: String,
    /// `yes` or `no`.
    pub second_factor: String,
    /// The id after which the page starts.
    pub after: String,
}

/// The fields, read.
#[derive(Debug, Default)]
pub struct UserListQuery {
    /// What it is narrowed to.
    pub filter: Filter,
    /// The id after which the page starts.
    pub after: Option<i64>,
}

impl UserFields {
    /// Reads the fields.
    ///
    /// # Errors
    /// Every mistake, beside its field.
    pub fn read(&self) -> Result<UserListQuery, FieldErrors> {
        const STATE_HINT: &str = "Choose active, invited or deactivated.";
        let mut errors = FieldErrors::default();
        let filter = Filter {
            person: read(&self.q, "q", PERSON_HINT, &mut errors, part),
            role: read(&self.role, "role", "Choose user or admin.", &mut errors, Role::parse),
            state: read(&self.state, "state", STATE_HINT, &mut errors, State::parse),
            second_factor: read(
                &self.second_factor,
                "second_factor",
                "Choose yes or no.",
                &mut errors,
                yes_or_no,
            ),
        };
        let after = cursor(&self.after, &mut errors);
        if errors.is_empty() { Ok(UserListQuery { filter, after }) } else { Err(errors) }
    }

    /// The address of the list with these fields.
    pub fn address(&self) -> ListAddress<'_> {
        let filters = vec![
            ("q", "Person", self.q.as_str()),
            ("role", "Role", &self.role),
            ("state", "State", &self.state),
            ("second_factor", "Second factor", &self.second_factor),
        ];
        ListAddress { path: "/admin/users", filters, options: Vec::new() }
    }

    /// The address of the list with these fields, starting after an id.
    pub fn href(&self, after: Option<i64>) -> String {
        self.address().href(after.map(|id| id.to_string()).as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_filter_reports_bad_fields() {
        for (fields, field) in [
            (UserFields { role: "root".into(), ..UserFields::default() }, "role"),
            (UserFields { state: "gone".into(), ..UserFields::default() }, "state"),
            (UserFields { second_factor: "maybe".into(), ..UserFields::default() }, "second_factor"),
            (UserFields { q: "a\0b".into(), ..UserFields::default() }, "q"),
        ] {
            assert!(fields.read().unwrap_err().has(field), "{field}");
        }
        for after in ["x", "-1", "0", "99999999999999999999"] {
            let fields = UserFields { after: after.into(), ..UserFields::default() };
            assert!(fields.read().unwrap_err().form().is_some(), "{after}");
        }
    }

    #[test]
    fn user_list_address_keeps_filter() {
        let fields = UserFields {
            q: " a&b ".into(),
            state: "invited".into(),
            after: "7".into(),
            ..Default::default()
        };
        assert_eq!(fields.href(Some(3)), "/admin/users?q=a%26b&state=invited&after=3");
        assert_eq!(fields.address().chips()[0].href, "/admin/users?state=invited");
        assert_eq!(UserFields::default().href(None), "/admin/users");
    }
}
