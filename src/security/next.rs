//! The target of the redirect after signing in: paths of this site only.

use url::Url;

/// The path and query that `next` names, or `None` when it is not a page of this site, or is the
/// page for signing in, signing out, registering or setting up.
pub fn local_path(next: &str) -> Option<String> {
    const PLACEHOLDER_ORIGIN: &str = "http://here.invalid";
    const EXCLUDED_PATHS: [&str; 4] = ["/login", "/logout", "/register", "/setup"];
    let is_plain_path = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(char::is_control)
        && next.len() <= 2048;
    if !is_plain_path {
        return None;
    }
    let base = Url::parse(PLACEHOLDER_ORIGIN).ok()?;
    let url = base.join(next).ok()?;
    let is_local = url.origin() == base.origin() && !url.path().starts_with("//");
    if !is_local || EXCLUDED_PATHS.contains(&url.path()) {
        return None;
    }
    Some(url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn next_accepts_local_paths_only() {
        for (next, expected) in [
            ("/profile", Some("/profile")),
            ("/admin/sessions?q=a&ip=10.0.0.0%2F8", Some("/admin/sessions?q=a&ip=10.0.0.0%2F8")),
            ("/pages/a b", Some("/pages/a%20b")),
            ("/a/../b", Some("/b")),
            ("", None),
            ("profile", None),
            ("//evil.example", None),
            ("/\\evil.example", None),
            ("\\\\evil.example", None),
            ("https:evil.example", None),
            ("https://evil.example", None),
            ("/\t/evil.example", None),
            ("/.//evil.example", None),
            ("/..//evil.example", None),
            ("/logout", None),
            ("/login?next=/login", None),
        ] {
            assert_eq!(local_path(next).as_deref(), expected, "{next:?}");
        }
    }

    proptest! {
        #[test]
        fn next_stays_on_this_site(next in "[/\\\\.a-z:@%?#\t ]{0,12}") {
            if let Some(path) = local_path(&next) {
                let site = Url::parse("https://login.example.org/x").unwrap();
                prop_assert_eq!(site.join(&path).unwrap().origin(), site.origin());
            }
        }
    }
}
