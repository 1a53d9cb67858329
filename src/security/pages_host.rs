//! The host of `PAGES_HOST`: which requests are for it.

use actix_web::{dev::RequestHead, http::header::HOST};

use crate::config::Server;

/// Whether a request is for the host of the operator's pages. Nothing of this site is answered there, so that scripts of those pages
/// share no origin with it.
pub fn is_asked_for(server: &Server, req: &RequestHead) -> bool {
    let Some(pages_host) = &server.pages_host else {
        return false;
    };
    let named = req.headers().get(HOST).and_then(|host| host.to_str().ok());
    named.into_iter().chain(req.uri.authority().map(|target| target.as_str())).any(|host| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        name.eq_ignore_ascii_case(pages_host)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

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
