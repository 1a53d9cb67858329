//! Where to go after signing in: paths of this site only.

use url::Url;

/// The path and query to go to after signing in, if `next` names a page of this site; never another site.
pub fn local_path(next: &str) -> Option<String> {
    const HERE: &str = "http://here.invalid";
    const NOT_A_DESTINATION: [&str; 4] = ["/login", "/logout", "/register", "/setup"];
    let plain = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.chars().any(char::is_control)
        && next.len() <= 2048;
    if !plain {
        return None;
    }
    let here = Url::parse(HERE).ok()?;
    let url = here.join(next).ok()?;
    let stays = url.origin() == here.origin() && !url.path().starts_with("//");
    if !stays || NOT_A_DESTINATION.contains(&url.path()) {
        return None;
    }
    Some(url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_paths_of_this_site_are_followed() {
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
        fn what_is_followed_stays_on_this_site(next in "[/\\\\.a-z:@%?#\t ]{0,12}") {
            if let Some(path) = local_path(&next) {
                let site = Url::parse("https://login.example.org/x").unwrap();
                prop_assert_eq!(site.join(&path).unwrap().origin(), site.origin());
            }
        }
    }
}
