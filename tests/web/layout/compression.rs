//! Tests which answers leave compressed, and what that makes of their size.

use std::io::Read as _;

use reqwest::{Method, header::HeaderMap};

use crate::support::{authenticator::Authenticator, *};

/// What Firefox asks for over https.
const BROWSER: &str = "gzip, deflate, br, zstd";

/// An answer as it left.
struct Sent {
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Sent {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn expanded(&self) -> String {
        let mut text = String::new();
        match self.header("content-encoding") {
            "br" => brotli::Decompressor::new(&*self.bytes, 4096).read_to_string(&mut text).unwrap(),
            "gzip" => flate2::read::GzDecoder::new(&*self.bytes).read_to_string(&mut text).unwrap(),
            _ => (&*self.bytes).read_to_string(&mut text).unwrap(),
        };
        text
    }
}

/// Asks with a client's cookies and these headers.
async fn ask(app: &TestApp, client: &Client, path: &str, headers: &[(&str, &str)]) -> Sent {
    let cookies: Vec<_> =
        client.cookies().iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
    let mut request = reqwest::Client::new().get(app.url(path)).header("cookie", cookies.join("; "));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let headers = answer.headers().clone();
    Sent { headers, bytes: answer.bytes().await.unwrap().to_vec() }
}

on_both_stacks!(pages_and_files_leave_compressed_as_browsers_ask, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let sheet = client.get("/").await.attributes("link[rel=stylesheet]", "href").remove(0);
    for path in ["/profile", "/login", "/nowhere", &sheet, "/auth/openapi.json", "/auth/docs"] {
        let plain = ask(&app, &client, path, &[]).await;
        assert_eq!(
            (plain.header("content-encoding"), plain.header("vary")),
            ("", "accept-encoding"),
            "{path}"
        );
        let best = if path == sheet { "br" } else { "gzip" };
        for (asked, coding) in [
            (BROWSER, best),
            ("gzip, deflate", "gzip"),
            ("gzip;q=0, br;q=0", ""),
            ("identity", ""),
            ("zstd", ""),
        ] {
            let sent = ask(&app, &client, path, &[("accept-encoding", asked)]).await;
            assert_eq!(
                (sent.header("content-encoding"), sent.header("vary")),
                (coding, "accept-encoding"),
                "{path}: {asked}"
            );
            assert_eq!(sent.header("content-length"), sent.bytes.len().to_string(), "{path}: {asked}");
            if path == "/login" || path == sheet {
                assert_eq!(sent.expanded(), plain.expanded(), "{path}: {asked}");
            }
            assert!(coding.is_empty() || sent.bytes.len() * 2 < plain.bytes.len(), "{path}: {asked}");
        }
    }
    let off = app.instance_with(&[("COMPRESS", "off")]).await;
    for path in ["/profile", &sheet] {
        assert_eq!(
            ask(&off, &client, path, &[("accept-encoding", BROWSER)]).await.header("content-encoding"),
            "",
            "{path}"
        );
    }
});

#[actix_web::test]
async fn compressed_file_has_a_tag_of_its_own() {
    let app = TestApp::start(Stack::Sqlite).await;
    let asked = [("accept-encoding", BROWSER)];
    let sent = ask(&app, &app.client(), "/static/app.css", &asked).await;
    let plain = ask(&app, &app.client(), "/static/app.css", &[]).await;
    assert_ne!(sent.header("etag"), plain.header("etag"));
    let again = [asked[0], ("if-none-match", sent.header("etag"))];
    let again = ask(&app, &app.client(), "/static/app.css", &again).await;
    assert!(again.bytes.is_empty() && again.header("vary") == "accept-encoding", "{:?}", again.headers);
    let icon = ask(&app, &app.client(), "/icon-512.png", &asked).await;
    assert_eq!(icon.header("content-encoding"), "");
}

on_both_stacks!(answers_that_could_give_secrets_away_are_not_compressed, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, admin) = app.admin("Grace Hopper").await;
    let asked = ("accept-encoding", BROWSER);
    // What a page of another site has the browser ask for, with a text of that page's choice.
    let guess = "/admin/sessions?q=grace.hopper%40example.org";
    for (header, value, coding) in [
        ("sec-fetch-site", "cross-site", ""),
        ("sec-fetch-site", "same-site", ""),
        ("referer", "https://evil.example/", ""),
        ("sec-fetch-site", "same-origin", "gzip"),
        ("sec-fetch-site", "none", "gzip"),
    ] {
        let sent = ask(&app, &admin, guess, &[asked, (header, value)]).await;
        assert_eq!(sent.header("content-encoding"), coding, "{header}: {value}");
        assert!(sent.expanded().contains("grace.hopper@example.org"), "{header}: {value}");
    }
    // The key of an authenticator app, what was typed and codes that are shown once, and what programs get.
    for path in ["/security/totp", "/password/reset?token=x", "/setup?token=x", "/auth/sessions", "/auth/me"]
    {
        let sent = ask(&app, &admin, path, &[asked, ("sec-fetch-site", "same-origin")]).await;
        assert_eq!(sent.header("content-encoding"), "", "{path}");
    }
    let (authenticator, _) = Authenticator::set_up(&app, &admin).await;
    app.forget_used_codes();
    for (path, fields) in [
        ("/security/recovery-codes", vec![]),
        ("/security/totp", vec![("code", authenticator.code())]),
        ("/admin/users", vec![("name", "Eve".to_owned()), ("email", "nonsense".to_owned())]),
        ("/login", vec![("email", "a@example.org".to_owned()), ("password", "wrong".to_owned())]),
    ] {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let form = admin.request(Method::POST, path).form(&fields).header("accept-encoding", BROWSER);
        let answer = form.send().await;
        assert_eq!(answer.header("content-encoding"), None, "{}", answer.summary());
        assert!(answer.body.len() > 1024, "{}", answer.summary());
    }
    let stream =
        admin.request(Method::GET, "/admin/sessions/events").header("accept-encoding", BROWSER).send().await;
    let coding = stream.expect(200).header("content-encoding").map(str::to_owned);
    assert!(coding.is_none_or(|coding| coding == "identity"));
});

/// The table of docs/performance.md: run it with `--nocapture`.
#[actix_web::test]
async fn bytes_on_the_wire_are_few() {
    let app = TestApp::start(Stack::Sqlite).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for _ in 0..60 {
        ada.sign_in(&app.client()).await;
    }
    let page = client.get("/").await;
    let files =
        [page.attributes("link[rel=stylesheet]", "href"), page.attributes("script[src]", "src")].concat();
    let pages = [
        "/",
        "/login",
        "/profile",
        "/sessions",
        "/activity",
        "/admin",
        "/admin/sessions",
        "/admin/users",
        "/admin/events",
    ];
    let live = admin.get("/admin").await.attributes("script[src*=admin-live]", "src");
    println!("| Address | Plain | gzip | Brotli |\n|---|---:|---:|---:|");
    for path in pages.iter().map(ToString::to_string).chain(files).chain(live) {
        let size = async |asked| ask(&app, &admin, &path, &[("accept-encoding", asked)]).await.bytes.len();
        let (plain, gzip) = (size("identity").await, size("gzip").await);
        let is_file = path.starts_with("/static/");
        let brotli = if is_file { size("br").await.to_string() } else { "–".to_owned() };
        println!("| `{}` | {plain} | {gzip} | {brotli} |", path.split("?v=").next().unwrap_or_default());
        assert!(gzip < plain, "{path}: {gzip} of {plain}");
        // A list of fifty sessions fits into what a connection sends before it hears of the first packets.
        assert!(path != "/admin/sessions" || gzip <= 15 * 1024, "{gzip}");
    }
}
