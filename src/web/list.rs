//! The address of a filtered and paged list: its filters as shown on the page, and its links.

use super::form::FieldErrors;

/// Parses the cursor of a page, which is the id of the row before it; a mistake is added as an error of the whole form.
pub fn cursor(after: &str, errors: &mut FieldErrors) -> Option<i64> {
    let id = after.parse().ok().filter(|id| *id > 0);
    if !after.is_empty() && id.is_none() {
        errors.add_form(NO_SUCH_PAGE);
    }
    id
}

/// The message for a cursor that can't be parsed.
pub const NO_SUCH_PAGE: &str = "This page of the list doesn't exist. Start from the first page.";

/// An active filter as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// The label of the field, such as "Browser".
    pub label: &'static str,
    /// The value as typed.
    pub value: String,
    /// The address of the list without this filter.
    pub href: String,
}

/// A list with its fields as typed; empty fields are left out of its address.
#[derive(Debug, Clone)]
pub struct ListAddress<'a> {
    /// The path of the list.
    pub path: &'static str,
    /// Name, label and value of the fields that filter the list.
    pub filters: Vec<(&'static str, &'static str, &'a str)>,
    /// Name and value of the fields that change how the list is shown, such as its order.
    pub options: Vec<(&'static str, &'a str)>,
}

impl ListAddress<'_> {
    /// Whether any filter is active.
    pub fn is_filtered(&self) -> bool {
        self.filters.iter().any(|(_, _, value)| !value.trim().is_empty())
    }

    /// Name and value of the active filters, for a form that sends them again.
    pub fn active_filters(&self) -> Vec<(&'static str, String)> {
        let fields = self.filters.iter().map(|(name, _, value)| (*name, value.trim().to_owned()));
        fields.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The active filters, each with the address of the list without it.
    pub fn chips(&self) -> Vec<Chip> {
        let fields = self.filters.iter().map(|(name, label, value)| (name, label, value.trim()));
        fields
            .filter(|(_, _, value)| !value.is_empty())
            .map(|(name, label, value)| Chip {
                label,
                value: value.to_owned(),
                href: self.href_of(self.path, Some(name), None),
            })
            .collect()
    }

    /// The address of the list with these fields, starting at the cursor.
    pub fn href(&self, after: Option<&str>) -> String {
        self.href_of(self.path, None, after)
    }

    /// Another path with the same fields, such as the list as a file.
    pub fn href_at(&self, path: &str) -> String {
        self.href_of(path, None, None)
    }

    fn href_of(&self, path: &str, without: Option<&str>, after: Option<&str>) -> String {
        let filters = self.filters.iter().map(|(name, _, value)| (*name, *value));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in filters.chain(self.options.iter().copied()) {
            if !value.trim().is_empty() && Some(name) != without {
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
