//! The address of a list that is filtered and paged: what is shown of its filter, and where its links lead.

use super::form::FieldErrors;

/// Reads where a page starts, which is the number of a row; a mistake is one of the whole form.
pub fn cursor(after: &str, errors: &mut FieldErrors) -> Option<i64> {
    let id = after.parse().ok().filter(|id| *id > 0);
    if !after.is_empty() && id.is_none() {
        errors.add_form(NO_SUCH_PAGE);
    }
    id
}

/// What is wrong with the position of a page that can't be read.
pub const NO_SUCH_PAGE: &str = "This page of the list doesn't exist. Start from the first page.";

/// A filter in force, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// "Browser"
    pub label: &'static str,
    /// The value as typed.
    pub value: String,
    /// The list without it.
    pub href: String,
}

/// A list with the fields of its filter as typed; empty ones are not in its address.
#[derive(Debug, Clone)]
pub struct ListAddress<'a> {
    /// Where the list is.
    pub path: &'static str,
    /// Name, label and value of the fields that narrow it.
    pub narrowing: Vec<(&'static str, &'static str, &'a str)>,
    /// Name and value of the fields that show it in another way, such as its order.
    pub shown: Vec<(&'static str, &'a str)>,
}

impl ListAddress<'_> {
    /// Whether anything narrows the list.
    pub fn is_narrowed(&self) -> bool {
        self.narrowing.iter().any(|(_, _, value)| !value.trim().is_empty())
    }

    /// Name and value of the fields that narrow the list, for a form that repeats them.
    pub fn in_force(&self) -> Vec<(&'static str, String)> {
        let fields = self.narrowing.iter().map(|(name, _, value)| (*name, value.trim().to_owned()));
        fields.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The filters in force, each with the list that is without it.
    pub fn chips(&self) -> Vec<Chip> {
        let fields = self.narrowing.iter().map(|(name, label, value)| (name, label, value.trim()));
        fields
            .filter(|(_, _, value)| !value.is_empty())
            .map(|(name, label, value)| Chip {
                label,
                value: value.to_owned(),
                href: self.href_of(self.path, Some(name), None),
            })
            .collect()
    }

    /// The list with these fields, starting at the cursor.
    pub fn href(&self, after: Option<&str>) -> String {
        self.href_of(self.path, None, after)
    }

    /// The same fields for another path, such as the list as a file.
    pub fn href_at(&self, path: &str) -> String {
        self.href_of(path, None, None)
    }

    fn href_of(&self, path: &str, left_out: Option<&str>, after: Option<&str>) -> String {
        let narrowing = self.narrowing.iter().map(|(name, _, value)| (*name, *value));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in narrowing.chain(self.shown.iter().copied()) {
            if !value.trim().is_empty() && Some(name) != left_out {
                query.append_pair(name, value.trim());
            }
        }
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        match query.finish().as_str() {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}
