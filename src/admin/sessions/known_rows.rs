//! The rows that an open page of the list has already.

use std::collections::HashSet;

use actix_web::HttpRequest;

/// The header in which a page names the versions of its rows, with commas between them. With it the answer is what has changed.
const HEADER: &str = "x-rows";

/// Digits of a version, in hex.
pub(super) const VERSION_DIGITS: usize = 12;

/// Most rows that a page can name: more than a page has.
const MAX_ROWS: usize = 100;

/// Versions of rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct KnownRows(HashSet<String>);

impl KnownRows {
    /// The rows that a request names; `None`: it is for the whole page. What is no version is left out.
    pub(super) fn of(req: &HttpRequest) -> Option<Self> {
        let value = req.headers().get(HEADER)?;
        Some(Self::read(value.to_str().unwrap_or_default()))
    }

    fn read(text: &str) -> Self {
        let is_version =
            |text: &&str| text.len() == VERSION_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        Self(text.split(',').take(MAX_ROWS).filter(is_version).map(str::to_owned).collect())
    }

    /// Whether the page has no rows, and so no table.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the page has this version of a row.
    pub(super) fn contains(&self, version: &str) -> bool {
        self.0.contains(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_versions_are_left_out() {
        let known = KnownRows::read("0123456789ab,,nonsense,0123456789AB ,ééééééé,cdef01234567");
        assert_eq!(known, KnownRows(["0123456789ab", "cdef01234567"].map(str::to_owned).into()));
        assert!(KnownRows::read("").is_empty() && !known.contains("nonsense"));
        let many = vec!["0123456789ab"; MAX_ROWS].join(",") + ",cdef01234567";
        assert_eq!(KnownRows::read(&many).0.len(), 1);
    }
}
