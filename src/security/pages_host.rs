//! The host of `PAGES_HOST`: which requests are for it.

use actix_web::dev::RequestHead;
use url::Host;

use super::host;
use crate::config::Server;

/// Whether a request is for the host of the operator's pages. Nothing of this site is answered there, so that scripts of those pages
/// share no origin with it.
pub fn is_asked_for(server: &Server, req: &RequestHead) -> bool {
    let Some(pages_host) = &server.pages_host else {
        return false;
    };
    host::named(req).flatten().any(|host| host == Host::Domain(pages_host.as_str()))
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header::HOST, test::TestRequest};

    use super::*;
    use crate::config::Config;

    #[test]
    fn pages_host_is_known_by_its_name() {
        let folder = tempfile::TempDir::new().unwrap();
        let vars = [
            ("DATABASE_URL", format!("sqlite://{}/site.db", folder.path().display())),
            ("BASE_URL", "https://login.example.org".to_owned()),
            ("PAGES_DIR", "/usr".to_owned()),
            ("PAGES_HOST", "Pages.example.org".to_owned()),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value));
        let server = Config::from_vars(vars).unwrap().server;
        for (host, expected) in [
            ("pages.example.org", true),
            ("PAGES.example.org:8443", true),
            ("login.example.org", false),
            ("a.pages.example.org", false),
            ("pages.example.org.evil.example", false),
        ] {
            let req = TestRequest::get().insert_header((HOST, host)).to_http_request();
            assert_eq!(is_asked_for(&server, req.head()), expected, "{host}");
        }
        let absolute = TestRequest::get().uri("http://pages.example.org/x").to_http_request();
        assert!(is_asked_for(&server, absolute.head()));
    }
}
