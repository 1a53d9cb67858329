//! Addresses that stay at the site that they are used at.

use url::Url;

/// Most bytes of an address.
pub(super) const MAX_LENGTH: usize = 2048;

/// The path and query that `next` names, whatever is there; `None` when it leads, or could be read to lead, to another site.
pub(super) fn same_origin_path(next: &str) -> Option<String> {
    const PLACEHOLDER_ORIGIN: &str = "http://here.invalid";
    let is_plain_path = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(char::is_control)
        && next.len() <= MAX_LENGTH;
    if !is_plain_path {
        return None;
    }
    let base = Url::parse(PLACEHOLDER_ORIGIN).ok()?;
    let url = base.join(next).ok()?;
    if url.origin() != base.origin() || url.path().starts_with("//") {
        return None;
    }
    Some(url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
}
