//! Tests static files: caching headers, and that they are served while the stores are down.

use reqwest::Method;
use sha2::{Digest as _, Sha256};

use crate::support::*;

const FILES: [(&str, &str); 3] = [
    ("app.css", "text/css; charset=utf-8"),
    ("app.js", "text/javascript; charset=utf-8"),
    ("favicon.svg", "image/svg+xml"),
];

/// The URLs of the static files that a page uses.
fn file_urls(page: &Answer) -> Vec<String> {
    let links = page.attributes("link[rel=icon], link[rel=stylesheet]", "href");
    links.into_iter().chain(page.attributes("script[src]", "src")).collect()
}

#[actix_web::test]
async fn static_urls_have_content_hash_cached_one_year() {
    let app = TestApp::start(Stack::Sqlite).await;
    let client = app.client();
    let file_urls = file_urls(&client.get("/").await.expect(200));
    assert_eq!(file_urls.len(), 3, "{file_urls:?}");
    for address in file_urls {
        let file = client.get(&address).await.expect(200);
        let hash = format!("{:x}", Sha256::digest(file.body.as_bytes()));
        assert!(
            address.starts_with("/static/") && address.ends_with(&format!("?v={}", &hash[..12])),
            "{address}"
        );
        assert_eq!(file.header("cache-control"), Some("public, max-age=31536000"), "{address}");
        assert!(file.set_cookies().is_empty());
        assert_page(&file);
    }
}

#[actix_web::test]
async fn static_without_hash_has_type_and_is_cached_one_hour() {
    let app = TestApp::start(Stack::Sqlite).await;
    let client = app.client();
    for (name, kind) in FILES {
        for query in ["", "?v=000000000000", "?v="] {
            let file = client.get(&format!("/static/{name}{query}")).await.expect(200);
            assert_eq!(file.header("content-type"), Some(kind), "{name}");
            assert_eq!(file.header("cache-control"), Some("public, max-age=3600"), "{name}{query}");
            assert!(!file.body.is_empty());
        }
    }
}

#[actix_web::test]
async fn static_etag_304() {
    let app = TestApp::start(Stack::Sqlite).await;
    let client = app.client();
    for (name, _) in FILES {
        let path = format!("/static/{name}");
        let tag = client.get(&path).await.expect(200).header("etag").map(str::to_owned).expect("an ETag");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let answer = client.request(Method::GET, &path).header("if-none-match", &known).send().await;
            let answer = answer.expect(304);
            assert_eq!((answer.body.as_str(), answer.header("etag")), ("", Some(tag.as_str())), "{known}");
            assert!(answer.header("cache-control").is_some(), "{known}");
            assert!(header_complaints(&answer).is_empty(), "{:?}", header_complaints(&answer));
        }
        for other in ["\"other\"", "nonsense"] {
            let answer = client.request(Method::GET, &path).header("if-none-match", other).send().await;
            assert!(!answer.expect(200).body.is_empty(), "{other}");
        }
        let head = client.request(Method::HEAD, &path).send().await.expect(200);
        assert_eq!((head.body.as_str(), head.header("etag")), ("", Some(tag.as_str())));
    }
}

#[actix_web::test]
async fn static_unknown_path_404() {
    let app = TestApp::start(Stack::Sqlite).await;
    let client = app.client();
    for path in
        ["/static/", "/static/none.css", "/static/App.css", "/static/app.css/", "/static/..%2fCargo.toml"]
    {
        let answer = client.get(path).await.expect(404);
        assert_eq!(answer.h1(), "Nothing here", "{path}");
        assert_page(&answer);
    }
    let answer = client.post("/static/app.css", &[]).await.expect(405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
}

#[actix_web::test]
async fn static_files_and_front_page_served_without_stores() {
    let app =
        TestApp::builder(Stack::PostgresRedis).through_proxies().var("STORE_TIMEOUT", "250ms").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let anonymous = app.client();
    let signed_in = client.get("/").await.expect(200).has("You are signed in");
    let cookies = client.cookies();
    for mode in [ProxyMode::Refuse, ProxyMode::Blackhole] {
        app.stores().redis_proxy().set(mode);
        app.stores().redis_proxy().reset_connections();
        app.stores().postgres_proxy().set(mode);
        app.stores().postgres_proxy().reset_connections();
        for address in file_urls(&signed_in) {
            // The request has a session cookie, which is not read.
            assert!(client.get(&address).await.expect(200).set_cookies().is_empty());
        }
        anonymous.get("/").await.expect(200).has("You are not signed in.");
        let page =
            client.get("/").await.expect(200).has("We cannot check just now whether you are signed in");
        assert_page(&page);
        client.get("/profile").await.expect(503);
        assert_eq!(client.cookies(), cookies, "the cookie stays");
    }
    app.stores().redis_proxy().set(ProxyMode::Pass);
    app.stores().postgres_proxy().set(ProxyMode::Pass);
    eventually(|| async { client.get("/profile").await.status == 200 }).await;
}
