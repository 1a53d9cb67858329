//! Tests the site under a name of its own: SITE_NAME, SITE_LOGO, SITE_CSS, SITE_LINKS, SUPPORT_CONTACT and HOME_URL.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use crate::support::{authenticator::Authenticator, smtp::SmtpServer, throttling, *};

const NAME: &str = "Ada & <b>Söhne</b>: \"Laden\"";

/// Files of an operator.
pub struct OwnFiles {
    pub svg: PathBuf,
    pub css: PathBuf,
    _folder: TempDir,
}

impl OwnFiles {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (svg, css) = (folder.path().join("logo.svg"), folder.path().join("look.css"));
        fs::write(&svg, SVG).unwrap();
        fs::write(
            &css,
            ":root { --accent: light-dark(#7a1fa2, #d9a6ee); --surface: light-dark(#fffdf8, #171f1e) }",
        )
        .unwrap();
        Self { svg, css, _folder: folder }
    }
}

const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><script>alert(1)</script><circle cx="4" cy="4" r="4" fill="#7a1fa2"/></svg>"##;

on_both_stacks!(site_name_is_in_titles_header_front_page_and_authenticator_apps, |stack| async {
    let app = TestApp::builder(stack).var("SITE_NAME", NAME).start().await;
    let visitor = app.client();
    let front = visitor.get("/").await.expect(200);
    assert_eq!((front.h1().as_str(), front.texts("header .brand")), (NAME, vec![NAME.to_owned()]));
    assert_page(&front);
    assert!(front.title().ends_with(&format!(" · {NAME}")), "{}", front.title());
    assert!(!front.body.contains("<b>Söhne"), "the name is escaped");
    assert_eq!(visitor.get("/nowhere").await.expect(404).title(), format!("Nothing here · {NAME}"));
    let (_, client) = app.person("Grace Hopper").await;
    let page = client.get("/security/totp").await.expect(200);
    let address = page.attributes("a[href^='otpauth:']", "href").remove(0);
    let issuer = "Ada%20%26%20%3Cb%3ES%C3%B6hne%3C%2Fb%3E%20%22Laden%22";
    assert!(address.starts_with(&format!("otpauth://totp/{issuer}:")), "{address}");
    assert!(address.ends_with(&format!("&issuer={issuer}")), "{address}");
});

on_both_stacks!(mail_comes_from_the_site_by_its_name, |stack| async {
    let smtp = SmtpServer::start_own();
    let builder =
        TestApp::builder(stack).var("SMTP_URL", smtp.url()).var("BASE_URL", "http://login.example.org");
    let builder = builder.var("SITE_NAME", NAME).var("SUPPORT_CONTACT", "help@example.org");
    let files = OwnFiles::new();
    let app = builder.var("SITE_CSS", files.css.display()).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let mail = smtp.mail_to(&ada.email, "Confirm your address", 1).await;
    assert_eq!(mail.header("Subject"), format!("Confirm your address for {NAME}"));
    assert!(mail.header("From").ends_with(" <gatehouse@login.example.org>"), "{}", mail.header("From"));
    assert!(mail.header("From").contains("Söhne</b>"), "{}", mail.header("From"));
    assert!(mail.text.contains(&format!("made an account at {NAME}")), "{}", mail.text);
    assert!(
        mail.text.contains(&format!("{NAME}, login.example.org\nHelp: help@example.org")),
        "{}",
        mail.text
    );
    assert!(mail.html.contains("Help: <a") && mail.html.contains("mailto:help@example.org"), "{}", mail.html);
    assert!(!mail.html.contains("<b>Söhne"), "the name is escaped");
    assert!(
        mail.html.contains("background:#7a1fa2;color:#ffffff") && mail.html.contains("#d9a6ee"),
        "{}",
        mail.html
    );
});

#[actix_web::test]
async fn logo_and_style_sheet_are_served_and_run_nothing() {
    let files = OwnFiles::new();
    let builder = TestApp::builder(Stack::Sqlite).var("SITE_LOGO", files.svg.display());
    let app = builder.var("SITE_CSS", files.css.display()).start().await;
    let client = app.client();
    let page = client.get("/login").await.expect(200);
    assert_page(&page);
    let picture = page.attributes("header img.logo", "src").remove(0);
    assert_eq!(page.attributes("link[rel=icon]", "href"), [picture.as_str()]);
    let logo = client.get(&picture).await.expect(200);
    assert_eq!((logo.body.as_str(), logo.header("content-type")), (SVG, Some("image/svg+xml")));
    assert_eq!(logo.header("cache-control"), Some("public, max-age=31536000"));
    let policy = logo.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.ends_with("sandbox"), "{policy}");

    let sheets = page.attributes("link[rel=stylesheet]", "href");
    assert!(
        sheets.len() == 2 && sheets[0].contains("/app.css?v=") && sheets[1].contains("/site.css?v="),
        "{sheets:?}"
    );
    let sheet = client.get(&sheets[1]).await.expect(200);
    assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(sheet.body.contains("--accent: light-dark(#7a1fa2, #d9a6ee);"), "{}", sheet.body);
    assert!(sheet.body.contains("--on-accent: light-dark(#ffffff, #000000);"), "{}", sheet.body);
    client.get("/static/site-logo.png").await.expect(404);
    let plain = TestApp::start(Stack::Sqlite).await;
    plain.client().get("/static/site.css").await.expect(404);
}

#[actix_web::test]
async fn footer_has_the_links_and_stuck_people_are_told_whom_to_ask() {
    let builder = TestApp::builder(Stack::Sqlite)
        .var("SITE_LINKS", "Privacy=https://example.org/p?a=1&b=2, Terms=/pages/terms.html");
    let app = builder.var("SUPPORT_CONTACT", "https://example.org/help").start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let visitor = app.client();
    for page in [visitor.get("/").await, client.get("/profile").await, visitor.get("/nowhere").await] {
        assert_page(&page);
        let links = page.attributes("footer a", "href");
        assert_eq!(links, ["https://example.org/p?a=1&b=2", "/pages/terms.html", "https://example.org/help"]);
        assert_eq!(page.texts("footer a"), ["Privacy", "Terms", "Help"]);
    }
    for path in [
        "/nowhere",
        "/login",
        "/password/forgot",
        "/password/reset?token=used",
        "/email/confirm?token=used",
        "/email/undo?token=used",
        "/sign-in/check?token=used",
        "/email/sent",
    ] {
        let page = visitor.get(path).await;
        assert_eq!(page.attributes("main a[href='https://example.org/help']", "href").len(), 1, "{path}");
        assert_page(&page);
    }
    let silent = TestApp::start(Stack::Sqlite).await;
    let page = silent.client().get("/login").await.expect(200);
    assert!(page.texts("footer").is_empty() && !page.body.contains("Need help?"), "{}", page.body);
}

on_both_stacks!(
    stuck_person_is_told_whom_to_ask_when_throttled_deactivated_or_without_codes,
    |stack| async {
        let builder =
            TestApp::builder(stack).var("THROTTLE", "on").var("SUPPORT_CONTACT", "help@example.org");
        let app = builder.start().await;
        let (ada, client) = app.person("Ada Lovelace").await;
        Authenticator::set_up(&app, &client).await;
        let asks = |page: &Answer| page.attributes("main a[href='mailto:help@example.org']", "href").len();
        let visitor = app.client();
        let step = visitor
            .post("/login", &[("email", &ada.email), ("password", PASSWORD)])
            .await
            .to("/login/verify");
        assert_eq!(asks(&visitor.follow(step).await.expect(200).has("Lost all of them")), 1);
        app.set_active(&ada.email, false);
        let refused = app.client().post("/login", &[("email", &ada.email), ("password", PASSWORD)]).await;
        assert_eq!(asks(&refused.expect(401)), 1);
        let statuses = throttling::guess(&visitor, "nobody@example.org", 12).await;
        assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
        let page = throttling::try_sign_in(&visitor, "nobody@example.org", "wrong").await;
        assert_eq!(asks(&page.expect(429)), 1);
    }
);

on_both_stacks!(people_land_at_home_url, |stack| async {
    let mut app = TestApp::builder(stack).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let credentials = [("email", ada.email.as_str()), ("password", PASSWORD)];
    app.restart_with(&[("HOME_URL", "/members")]).await;
    let client = app.client();
    client.post("/login", &credentials).await.to("/members");
    assert_eq!(client.get("/profile").await.attributes("header .brand", "href"), ["/members"]);
    assert_eq!(app.client().get("/").await.attributes("header .brand", "href"), ["/"]);
    let front = client.get("/").await.expect(200);
    assert_eq!(front.attributes("main .primary", "href"), ["/members"]);
    app.client()
        .post("/login", &[credentials[0], credentials[1], ("next", "/sessions")])
        .await
        .to("/sessions");

    app.restart_with(&[("HOME_URL", "https://www.example.org/start")]).await;
    let client = app.client();
    let page = client.get("/login").await.expect(200);
    assert_eq!(page.attributes("header .brand", "href"), ["https://www.example.org/start"]);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https://www.example.org;"), "{policy}");
    client.post("/login", &credentials).await.to("https://www.example.org/start");
    client.get("/profile").await.expect(200);
    let outsider = Person::new("Grace Hopper");
    let fields = [("name", &*outsider.name), ("email", &*outsider.email), ("password", PASSWORD)];
    let fields = [fields[0], fields[1], fields[2], ("password_confirmation", PASSWORD)];
    app.client().post("/register", &fields).await.to("https://www.example.org/start");
});

on_both_stacks!(people_land_at_the_operators_pages, |stack| async {
    let pages = TempDir::new().unwrap();
    fs::write(pages.path().join("index.html"), "<!doctype html><title>Inside</title>").unwrap();
    let app = TestApp::builder(stack).var("PAGES_DIR", pages.path().display()).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    client.post("/login", &[("email", &ada.email), ("password", PASSWORD)]).await.to("/pages/");
    client.get("/pages/").await.expect(200);
    assert_eq!(client.get("/profile").await.attributes("header .brand", "href"), ["/pages/"]);
});

on_both_stacks!(nobody_lands_at_pages_without_a_first_one, |stack| async {
    let pages = TempDir::new().unwrap();
    let first = pages.path().join("index.html");
    fs::write(pages.path().join("terms.html"), "<!doctype html><title>Terms</title>").unwrap();
    let app = TestApp::builder(stack).var("PAGES_DIR", pages.path().display()).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let credentials = [("email", ada.email.as_str()), ("password", PASSWORD)];
    let leads_to = || async { client.get("/profile").await.attributes("header .brand", "href").remove(0) };
    client.post("/login", &credentials).await.to("/profile");
    assert_eq!(leads_to().await, "/");
    assert!(client.get("/").await.attributes("main .primary", "href").iter().all(|href| href != "/pages/"));

    // One that is there for administrators alone is none for everybody.
    fs::create_dir(pages.path().join("admin")).unwrap();
    fs::write(pages.path().join("admin/index.html"), "<!doctype html><title>Inside</title>").unwrap();
    std::os::unix::fs::symlink("admin/index.html", &first).unwrap();
    let unlinked = app.second_instance().await;
    unlinked.client().post("/login", &credentials).await.to("/profile");

    fs::remove_file(&first).unwrap();
    fs::write(&first, "<!doctype html><title>First</title>").unwrap();
    eventually(|| async { leads_to().await == "/pages/" }).await;
    client.post("/login", &credentials).await.to("/pages/");
    client.get("/pages/").await.expect(200);
    fs::remove_file(&first).unwrap();
    eventually(|| async { leads_to().await == "/" }).await;
    client.post("/login", &credentials).await.to("/profile");
});

#[actix_web::test]
async fn name_of_the_site_is_nobodys_password() {
    let app = TestApp::builder(Stack::Sqlite).var("SITE_NAME", "Kaleidoskop").start().await;
    let password = "Kaleidoskop2026";
    let fields = [
        ("name", "Ada"),
        ("email", "ada@example.org"),
        ("password", password),
        ("password_confirmation", password),
    ];
    let page = app.client().post("/register", &fields).await.expect(422);
    assert!(page.field_error("password").unwrap().contains("kaleidoskop"), "{page:?}");
}
