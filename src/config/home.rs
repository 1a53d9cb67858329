//! Where people land after signing in, unless they wanted another page.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{own_site, reader::Reader};

/// The operator's own pages.
const PAGES: &str = "/pages/";

/// Paths of this site at which nobody stays, or that are no pages.
const NO_HOMES: [&str; 8] =
    ["/login", "/logout", "/register", "/setup", "/auth", "/static", "/session", "/confirm-password"];

/// Where the site itself is, for people who are signed in.
#[derive(Debug, Clone)]
pub struct Home {
    /// `HOME_URL`: a path of this site or an address of the web.
    given: Option<String>,
    /// Whether `PAGES_DIR` has a first page for everybody, as it was found last.
    has_pages: Arc<AtomicBool>,
}

impl Home {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let may_hold = "a page of this site, such as /members, or an address such as https://www.example.org";
        let given = reader.parse("HOME_URL", may_hold, None, |value| {
            let local = own_site::local(value).filter(|path| {
                let path = path.split(['?', '#']).next().unwrap_or_default();
                let below = |above: &&str| {
                    path.strip_prefix(*above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                !NO_HOMES.iter().any(below)
            });
            local.or_else(|| own_site::web_address(value)).map(Some)
        });
        Self { given, has_pages: Arc::default() }
    }

    /// A path of this site or an address of the web; `None`: there is no place of the site's own.
    pub fn address(&self) -> Option<&str> {
        let pages = || self.has_pages.load(Ordering::Relaxed).then_some(PAGES);
        self.given.as_deref().or_else(pages)
    }

    /// Whether it depends on the operator's pages.
    pub fn may_be_pages(&self) -> bool {
        self.given.is_none()
    }

    /// Notes whether the operator's pages have a first one for everybody, and returns whether that is news.
    pub fn set_has_pages(&self, has_pages: bool) -> bool {
        self.has_pages.swap(has_pages, Ordering::Relaxed) != has_pages
    }
}
