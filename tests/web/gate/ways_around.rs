//! Tests that no spelling of an address leads around the folder for administrators, or to a hidden file.

use std::fs;

use tempfile::TempDir;

use super::pages_host::{HOST, Site};
use crate::support::{raw::RawAnswer, *};

/// Spellings of `admin/x.html` that some server, proxy or file system takes for it, by the way they take.
const SPELLINGS: [(&str, &[&str]); 12] = [
    ("as it is", &["admin/x.html", "admin/", "admin"]),
    ("case", &["ADMIN/x.html", "Admin/x.html", "aDMIN/", "%41DMIN/x.html"]),
    (
        "dots",
        &["./admin/x.html", "docs/../admin/x.html", "admin/./x.html", "admin/../admin/x.html", ".//admin/"],
    ),
    (
        "encoded dots",
        &["%2e/admin/x.html", "docs/%2e%2e/admin/x.html", "docs/.%2E/admin/x.html", "%2e%2e/pages/admin/"],
    ),
    ("double slashes", &["/admin/x.html", "//admin/x.html", "admin//x.html", "docs//../admin/x.html"]),
    ("encoded slashes", &["admin%2fx.html", "admin%2F", "%2fadmin/x.html", "docs%2f..%2fadmin%2fx.html"]),
    ("encoded twice", &["%2561dmin/x.html", "admin%252fx.html", "%%361dmin/x.html", "%25%36%31dmin/x.html"]),
    ("backslashes", &["admin\\x.html", "admin%5cx.html", "\\admin\\x.html", "docs%5c..%5cadmin/x.html"]),
    ("NUL", &["admin%00/x.html", "admin/x.html%00", "%00admin/x.html", "admin%00"]),
    (
        "overlong",
        &[
            "admin%c0%afx.html",
            "%c1%a1dmin/x.html",
            "docs/%c0%ae%c0%ae/admin/x.html",
            "%e0%80%af/admin/x.html",
        ],
    ),
    (
        "parameters",
        &["admin;x/x.html", "admin;/x.html", ";/admin/x.html", "docs/..;/admin/x.html", "admin/x.html;.css"],
    ),
    (
        "ends and invisible",
        &[
            "admin./x.html",
            "admin%20/x.html",
            "admin.%20./x.html",
            "ad%E2%80%8Cmin/x.html",
            "adm%C4%B1n/x.html",
        ],
    ),
];

/// Spellings of hidden files.
const HIDDEN: [&str; 8] =
    [".env", "%2eenv", "%2Eenv", ".git/config", "docs/.env", "docs%2f.env", "GIT~1/config", "%E2%80%8C.env"];

/// A folder with a file for administrators. What some file systems take for `admin` exists as a folder of its own, as if this one
/// did.
fn pages() -> TempDir {
    let folder = TempDir::new().unwrap();
    let folders =
        ["admin", "ADMIN", "Admin", "aDMIN", "admin.", "admin ", "admin. .", "ad\u{200c}min", "adm\u{131}n"];
    let hidden = [".env", ".git/config", "GIT~1/config", "\u{200c}.env", "docs/.env"].map(str::to_owned);
    let for_admins = folders.iter().flat_map(|name| [format!("{name}/x.html"), format!("{name}/index.html")]);
    for (name, text) in for_admins
        .chain(hidden)
        .map(|name| (name, "CONCEALED"))
        .chain([("docs/x.html".to_owned(), "open"), ("administer/x.html".to_owned(), "open")])
    {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Sends a path below `/pages/` as it is written.
async fn ask(app: &TestApp, client: &Client, host: &str, path: &str) -> RawAnswer {
    let cookies = client.cookies();
    let pairs: Vec<_> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
    let cookies = pairs.join("; ");
    let request = format!(
        "GET /pages/{path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n"
    );
    app.raw_bytes(request.as_bytes()).await
}

/// Asserts that a user reaches nothing that is for administrators or hidden, whatever the spelling.
async fn assert_no_way_around(app: &TestApp, user: &Client, host: &str) {
    for open in ["docs/x.html", "administer/x.html"] {
        assert!(ask(app, user, host, open).await.text.ends_with("open"), "{open}");
    }
    for (way, spellings) in SPELLINGS {
        for path in spellings {
            let answer = ask(app, user, host, path).await;
            assert!(matches!(answer.status, 400 | 403 | 404), "{way}: {path}: {}", answer.text);
            assert!(!answer.text.contains("CONCEALED"), "{way}: {path}");
        }
    }
    for path in HIDDEN {
        assert_eq!(ask(app, user, host, path).await.status, 404, "{path}");
    }
}

on_both_stacks!(pages_no_spelling_leads_around_the_folder_for_administrators, |stack| async {
    let folder = pages();
    let app = TestApp::builder(stack).var("PAGES_DIR", folder.path().display()).start().await;
    let (_, user) = app.person("Ada Lovelace").await;
    let host = app.addr().to_string();
    assert_no_way_around(&app, &user, &host).await;
    for (way, spellings) in SPELLINGS {
        for path in spellings {
            let answer = ask(&app, &app.client(), &host, path).await;
            assert!(matches!(answer.status, 303 | 400 | 404), "{way}: {path}: {}", answer.text);
        }
    }
});

on_both_stacks!(pages_host_no_spelling_leads_around_the_folder_for_administrators, |stack| async {
    let site = Site::serve_folder(stack, pages()).await;
    let (_, here) = site.app.person("Ada Lovelace").await;
    let there = site.app.client();
    site.travel(&here, &there, "/pages/docs/x.html").await.expect(200).has("open");
    assert_no_way_around(&site.app, &there, HOST).await;
});
