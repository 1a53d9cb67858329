//! The reader of `next`.

use gatehouse::security::local_path;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use url::Url;

use crate::mutate;

proptest! {
    #[test]
    fn next_stays_at_pages_of_this_site(next in mutate::text(include_str!("corpus/next.txt"))) {
        let Some(path) = local_path(&next) else { return Ok(()) };
        let site = Url::parse("https://login.example.org/admin/x").unwrap();
        let there = site.join(&path).unwrap();
        prop_assert_eq!(there.origin(), site.origin(), "{}", path);
        prop_assert!(path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()), "{path:?}");
        prop_assert_eq!(local_path(&path), Some(path.clone()));
        let decoded = percent_decode_str(there.path()).decode_utf8_lossy().into_owned();
        prop_assert!(!["/session/events", "/logout", "/admin/events.csv"].contains(&decoded.as_str()), "{decoded}");
    }
}
