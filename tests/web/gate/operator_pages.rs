//! Tests `/pages/…`, which serves the operator's own HTML.

use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;

use crate::support::*;

/// A folder of pages next to a file that must never be served.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("pages");
        for (path, text) in [
            ("index.html", "<!doctype html><title>Home</title><p>The operator's home"),
            ("style.css", "p { color: teal }"),
            ("a b.txt", "spaced"),
            ("docs/index.html", "<p>The documents"),
            ("empty/.keep", ""),
            (".env", "SECRET=CONCEALED"),
            ("admin/index.html", "<p>For administrators"),
            ("admin/report.html", "<p>The report"),
            ("administer.html", "<p>How to administer"),
            ("../secret.txt", "OUTSIDE"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        symlink("../secret.txt", root.join("leak.txt")).unwrap();
        symlink(folder.path(), root.join("up")).unwrap();
        symlink("admin/report.html", root.join("shortcut.html")).unwrap();
        symlink("docs/index.html", root.join("alias.html")).unwrap();
        Self { folder }
    }

    async fn serve(&self, stack: Stack) -> TestApp {
        TestApp::builder(stack).var("PAGES_DIR", self.folder.path().join("pages").display()).start().await
    }
}

on_both_stacks!(operator_pages_served_unchanged_to_users, |stack| async {
    let site = Site::new();
    let app = site.serve(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    for (path, kind, text) in [
        ("/pages/", "text/html; charset=utf-8", "The operator's home"),
        ("/pages/index.html", "text/html; charset=utf-8", "The operator's home"),
        ("/pages/style.css", "text/css; charset=utf-8", "teal"),
        ("/pages/a%20b.txt", "text/plain; charset=utf-8", "spaced"),
        ("/pages/docs/", "text/html; charset=utf-8", "The documents"),
        ("/pages/alias.html", "text/html; charset=utf-8", "The documents"),
        ("/pages/administer.html", "text/html; charset=utf-8", "How to administer"),
    ] {
        let answer = client.get(path).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert!(answer.body.contains(text), "{path}: {}", answer.body);
        assert_eq!(header_complaints(&answer), Vec::<String>::new(), "{path}");
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"), "{path}");
    }
    client.get("/pages/docs").await.to("/pages/docs/");
    client.get("/pages/docs?x=%2F").await.to("/pages/docs/?x=%2F");
    for path in
        ["/pages/none.html", "/pages/none/", "/pages/empty/", "/pages/index.html/", "/pages/docs/none"]
    {
        let page = client.get(path).await.expect(404);
        assert_page(&page);
    }
});

on_both_stacks!(operator_pages_etag_304, |stack| async {
    let site = Site::new();
    let app = site.serve(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let tag = client.get("/pages/").await.expect(200).header("etag").expect("an ETag").to_owned();
    let ask = async |tag: &str| {
        client.request(reqwest::Method::GET, "/pages/").header("if-none-match", tag).send().await
    };
    let answer = ask(&tag).await.expect(304);
    assert_eq!((answer.body.as_str(), answer.header("etag")), ("", Some(tag.as_str())));
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    ask(&format!("\"another\", W/{tag}")).await.expect(304);
    ask("*").await.expect(304);
    ask("\"another\"").await.expect(200);
    fs::write(site.folder.path().join("pages/index.html"), "<p>A longer and newer home of the operator")
        .unwrap();
    let answer = ask(&tag).await.expect(200);
    assert!(answer.body.contains("newer home"));
    let head = client.request(reqwest::Method::HEAD, "/pages/").send().await.expect(200);
    assert_eq!((head.body.as_str(), head.header("etag")), ("", answer.header("etag")));
    // A conditional request still requires a session.
    let visitor = app.client();
    let again = visitor.request(reqwest::Method::GET, "/pages/").header("if-none-match", &tag).send().await;
    again.to("/login?next=%2Fpages%2F");
});

on_both_stacks!(operator_pages_reject_traversal_and_hidden_files, |stack| async {
    let site = Site::new();
    let app = site.serve(stack).await;
    let (_, client) = app.admin("Grace Hopper").await;
    for path in [
        "/pages/leak.txt",
        "/pages/up/secret.txt",
        "/pages/up/",
        "/pages/.env",
        "/pages/%2eenv",
        "/pages/%2e%2e/secret.txt",
        "/pages/../secret.txt",
        "/pages/docs/../../secret.txt",
        "/pages/..%2fsecret.txt",
        "/pages/%2e%2e%2fsecret.txt",
        "/pages/docs/%2e%2e/%2e%2e/secret.txt",
        "/pages/docs/..%2f..%2fsecret.txt",
        "/pages/..%5csecret.txt",
        "/pages/%252e%252e/secret.txt",
        "/pages//secret.txt",
        "/pages/%2fetc/passwd",
        "/pages//etc/passwd",
        "/pages/%00",
        "/pages/index.html%00.txt",
        "/pages/%ff",
        &format!("/pages/{}", "a/".repeat(2_000)),
        &format!("/pages/{}", "a".repeat(5_000)),
    ] {
        let answer = app.raw(&client, "GET", path).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.text);
        for secret in ["OUTSIDE", "CONCEALED", "root:"] {
            assert!(!answer.text.contains(secret), "{path}: {}", answer.text);
        }
    }
});

on_both_stacks!(operator_pages_admin_folder_requires_admin, |stack| async {
    let site = Site::new();
    let app = site.serve(stack).await;
    let (_, user) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for path in [
        "/pages/admin",
        "/pages/admin/",
        "/pages/admin/report.html",
        "/pages/admin/none.html",
        "/pages/%61dmin/report.html",
        "/pages/admin%2freport.html",
        "/pages/admi%6e/",
        "/pages/shortcut.html",
        "/pages//admin/report.html",
        "/pages/./admin/report.html",
        "/pages/docs/%2e%2e/admin/report.html",
        "/pages/ADMIN/report.html",
        "/pages/%2561dmin/report.html",
    ] {
        let answer = app.raw(&user, "GET", path).await;
        assert!(matches!(answer.status, 403 | 404), "{path}: {}", answer.text);
        assert!(!answer.text.contains("The report") && !answer.text.contains("For administrators"), "{path}");
        let answer = app.raw(&app.client(), "GET", path).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
    }
    for path in
        ["/pages/admin/", "/pages/admin/report.html", "/pages/%61dmin/report.html", "/pages/shortcut.html"]
    {
        user.get(path).await.expect(403);
        admin.get(path).await.expect(200);
    }
    admin.get("/pages/admin").await.to("/pages/admin/");
    admin.get("/pages/admin/none.html").await.expect(404);
});

on_both_stacks!(operator_pages_asked_and_real_path_both_checked, |stack| async {
    let folder = TempDir::new().unwrap();
    for (path, text) in [
        ("reports/x.html", "CONCEALED"),
        (".hidden/x.html", "CONCEALED"),
        ("docs/.drafts/x.html", "CONCEALED"),
        ("docs/admin/x.html", "<p>Open to all"),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    symlink("reports", folder.path().join("admin")).unwrap();
    symlink(".hidden", folder.path().join("shown")).unwrap();
    symlink("docs/.drafts/x.html", folder.path().join("draft.html")).unwrap();
    fs::create_dir(folder.path().join("index")).unwrap();
    symlink("../.hidden/x.html", folder.path().join("index/index.html")).unwrap();
    let app = TestApp::builder(stack).var("PAGES_DIR", folder.path().display()).start().await;
    let (_, user) = app.person("Ada Lovelace").await;
    let (_, admin) = app.admin("Grace Hopper").await;
    for path in [
        "/pages/admin/x.html",
        "/pages/admin%2Fx.html",
        "/pages/admin%2fx.html",
        "/pages/%61dmin%2Fx.html",
        "/pages/admin%2Fnone.html",
        "/pages/admin%2F",
        "/pages/ADMIN%2Fx.html",
    ] {
        let answer = app.raw(&user, "GET", path).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text);
        assert!(!answer.text.contains("CONCEALED"), "{path}");
    }
    admin.get("/pages/admin/x.html").await.expect(200);
    for path in
        ["/pages/shown/x.html", "/pages/shown%2Fx.html", "/pages/shown", "/pages/draft.html", "/pages/index/"]
    {
        for client in [&user, &admin] {
            let answer = app.raw(client, "GET", path).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
            assert!(!answer.text.contains("CONCEALED"), "{path}");
        }
    }
    user.get("/pages/docs/admin/x.html").await.expect(200).has("Open to all");
});

on_both_stacks!(operator_pages_visitor_redirected_to_login_and_back, |stack| async {
    let site = Site::new();
    let app = site.serve(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    for path in ["/pages/", "/pages/docs/", "/pages/none.html", "/pages/.env"] {
        let next = path.replace('/', "%2F");
        app.client().get(path).await.to(&format!("/login?next={next}"));
    }
    let client = app.client();
    let page = client.get_following("/pages/a%20b.txt?x=%2F").await.expect(200);
    let form = page.form("/login");
    let answer = client.post("/login", &form.with(&[("email", &ada.email), ("password", PASSWORD)])).await;
    let page = client.follow(answer).await.expect(200);
    assert_eq!(page.body, "spaced");
});

on_both_stacks!(operator_pages_without_folder_404, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    for path in ["/pages/", "/pages/index.html"] {
        client.get(path).await.expect(404);
        assert_eq!(app.client().get(path).await.status, 303);
    }
});
