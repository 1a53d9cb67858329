//! Tests `PAGES_HOST`: the operator's pages under a host name of their own.

use std::fs;

use reqwest::Method;
use tempfile::TempDir;

use crate::support::{authenticator::Authenticator, *};

pub(super) const HOST: &str = "pages.localhost";

/// A site with pages at a host of their own.
pub(super) struct Site {
    _folder: TempDir,
    pub(super) app: TestApp,
}

impl Site {
    async fn serve(stack: Stack) -> Self {
        let folder = TempDir::new().unwrap();
        for (path, text) in [
            ("index.html", "<p>The operator's home"),
            ("app.js", "document.title = 'ran'"),
            ("docs/index.html", "<p>The documents"),
            ("admin/report.html", "<p>The report"),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self::serve_folder(stack, folder).await
    }

    pub(super) async fn serve_folder(stack: Stack, folder: TempDir) -> Self {
        Self::serve_with(stack, folder, &[]).await
    }

    async fn serve_with(stack: Stack, folder: TempDir, vars: &[(&str, &str)]) -> Self {
        let builder =
            TestApp::builder(stack).var("PAGES_DIR", folder.path().display()).var("PAGES_HOST", HOST);
        let builder = vars.iter().fold(builder, |builder, (name, value)| builder.var(name, value));
        Self { app: builder.start().await, _folder: folder }
    }

    fn home(&self) -> String {
        format!("http://localhost:{}", self.app.addr().port())
    }

    /// The name of the cookie of the host of the pages.
    fn cookie(&self) -> String {
        format!("gatehouse-site-{}", self.app.addr().port())
    }

    fn pages(&self) -> String {
        format!("http://{HOST}:{}", self.app.addr().port())
    }

    /// Asks the host of the pages as a browser does that follows a link.
    async fn there(&self, client: &Client, path: &str) -> Answer {
        let request = client.request(Method::GET, path).header("host", HOST);
        request.header("sec-fetch-mode", "navigate").send().await
    }

    /// Follows the redirects between both hosts; a browser keeps the cookies of each apart, as these two clients do.
    pub(super) async fn travel(&self, here: &Client, there: &Client, path: &str) -> Answer {
        let mut answer = self.there(there, path).await;
        let mut at_pages = true;
        for _ in 0..8 {
            let Some(location) = answer.location().map(str::to_owned) else { return answer };
            at_pages = match location.starts_with('/') {
                true => at_pages,
                false => location.starts_with(&self.pages()),
            };
            answer = match at_pages {
                true => self.there(there, &location).await,
                false => here.get(&location).await,
            };
        }
        panic!("too many redirects: {}", answer.summary());
    }
}

on_both_stacks!(pages_host_serves_who_is_signed_in_at_the_site, |stack| async {
    let site = Site::serve(stack).await;
    let (_, here) = site.app.person("Ada Lovelace").await;
    let there = site.app.client();
    let answer = site.there(&there, "/pages/docs/?x=1").await.expect(303);
    assert_eq!(answer.location(), Some(format!("{}/pages/docs/?x=1", site.home()).as_str()));
    assert_eq!(there.cookies(), [], "a visitor gets no cookie");
    let answer = here.get("/pages/docs/?x=1").await.expect(303);
    let next = "/.gatehouse/sign-in?next=%2Fpages%2Fdocs%2F%3Fx%3D1";
    assert_eq!(answer.location(), Some(format!("{}{next}", site.pages()).as_str()));

    let page = site.travel(&here, &there, "/pages/docs/?x=1").await.expect(200).has("The documents");
    assert_eq!(header_complaints(&page), Vec::<String>::new());
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self'"), "scripts run");
    assert!(policy.contains("worker-src 'none'"), "but none that would answer for other pages");
    let names: Vec<_> = there.cookies().into_iter().map(|cookie| cookie.name).collect();
    assert_eq!(names, [site.cookie()], "the state has been used");
    let cookie = there.cookie(&site.cookie()).unwrap();
    assert!(cookie.is("httponly") && !cookie.is("domain") && cookie.max_age().is_none(), "{cookie:?}");
    site.there(&there, "/pages/app.js").await.expect(200);
    site.there(&there, "/").await.to("/pages/");
    // With the cookie, the way over this site is short.
    site.there(&there, next).await.to("/pages/docs/?x=1");
});

on_both_stacks!(pages_host_keeps_admin_folder_for_administrators, |stack| async {
    let site = Site::serve(stack).await;
    let (ada, here) = site.app.person("Ada Lovelace").await;
    let there = site.app.client();
    site.travel(&here, &there, "/pages/").await.expect(200);
    let page = site.there(&there, "/pages/admin/report.html").await.expect(403).has("Only administrators");
    assert_page(&page);
    assert!(page.forms().is_empty(), "no form of the site's own stands there");
    site.there(&there, "/pages/admin%2Freport.html").await.expect(403);
    site.there(&there, "/pages/none.html").await.expect(404);
    site.app.make_admin(&ada);
    site.there(&there, "/pages/admin/report.html").await.expect(200).has("The report");
    let (_, admin) = site.app.admin("Grace Hopper").await;
    site.travel(&admin, &site.app.client(), "/pages/admin/report.html").await.expect(200).has("The report");
});

on_both_stacks!(pages_host_serves_nobody_without_the_required_second_factor, |stack| async {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("index.html"), "<p>The operator's home").unwrap();
    let site = Site::serve_with(stack, folder, &[("SECOND_FACTOR", "everyone")]).await;
    let (_, here) = site.app.person("Ada Lovelace").await;
    let there = site.app.client();
    site.travel(&here, &there, "/pages/").await.expect(200).has("requires a second factor of everyone");
    Authenticator::set_up(&site.app, &here).await;
    site.travel(&here, &there, "/pages/").await.expect(200).has("The operator");
    site.app.run_script("UPDATE users SET second_factor = FALSE");
    let led = site.there(&there, "/pages/").await.expect(303);
    assert_eq!(led.location(), Some(format!("{}/pages/", site.home()).as_str()));
    let part = there.request(Method::GET, "/pages/").header("host", HOST).header("sec-fetch-mode", "no-cors");
    part.send().await.expect(403);
});

on_both_stacks!(pages_host_answers_nothing_of_the_site, |stack| async {
    let site = Site::serve(stack).await;
    let (ada, here) = site.app.admin("Ada Lovelace").await;
    // A cookie of the site that reached the other host, by COOKIE_DOMAIN say, is nothing there.
    let session = here.copy();
    for path in ["/profile", "/admin/users", "/login?next=%2Fprofile", "/session/events", "/none"] {
        let answer = site.there(&session, path).await.expect(303);
        assert_eq!(answer.location(), Some(format!("{}{path}", site.home()).as_str()));
        assert_eq!(answer.set_cookies(), []);
    }
    site.there(&session, "/pages/").await.to(&format!("{}/pages/", site.home()));
    let role = format!("/admin/users/{}/role", site.app.user_id(&ada));
    for path in ["/logout", "/profile", "/login", &role, "/pages/", "/.gatehouse/sign-in"] {
        let request = session.request(Method::POST, path).header("host", HOST).form(&[("role", "user")]);
        let answer = request.send().await;
        assert!(matches!(answer.status, 404 | 405), "{}", answer.summary());
    }
    here.get("/profile").await.expect(200);
});

on_both_stacks!(pages_host_cookie_is_of_no_use_at_the_site, |stack| async {
    let site = Site::serve(stack).await;
    let (_, here) = site.app.person("Ada Lovelace").await;
    let there = site.app.client();
    site.travel(&here, &there, "/pages/").await.expect(200);
    let (name, session) = (site.cookie(), here.cookie("gatehouse").unwrap().value);
    let pages = there.cookie(&name).unwrap().value;
    for (name, value) in [("gatehouse", &pages), (&name, &pages)] {
        let client = site.app.client();
        client.set_cookie(name, value);
        client.get("/profile").await.to("/login?next=%2Fprofile");
        client.get("/pages/").await.to("/login?next=%2Fpages%2F");
    }
    for (name, value) in [("gatehouse", &session), (&name, &session), ("gatehouse", &pages)] {
        let client = site.app.client();
        client.set_cookie(name, value);
        site.there(&client, "/pages/").await.to(&format!("{}/pages/", site.home()));
    }
});

on_both_stacks!(pages_host_cookie_dies_with_the_session_and_the_password, |stack| async {
    let site = Site::serve(stack).await;
    let (ada, here) = site.app.person("Ada Lovelace").await;
    let there = site.app.client();
    site.travel(&here, &there, "/pages/").await.expect(200);
    let changed = [
        ("current_password", ada.password.as_str()),
        ("password", "Another-Password-71-x"),
        ("password_confirmation", "Another-Password-71-x"),
    ];
    here.post("/profile/password", &changed).await.expect(303);
    let home = format!("{}/pages/", site.home());
    site.there(&there, "/pages/").await.to(&home);
    site.travel(&here, &there, "/pages/").await.expect(200);
    here.post("/logout", &[]).await.expect(303);
    site.there(&there, "/pages/").await.to(&home);
    // A part of a page is no place to sign in.
    let part = there.request(Method::GET, "/pages/app.js").header("host", HOST);
    part.header("sec-fetch-mode", "no-cors").send().await.expect(401);
});

on_both_stacks!(pages_host_code_works_once_in_its_browser, |stack| async {
    let site = Site::serve(stack).await;
    let (_, here) = site.app.person("Ada Lovelace").await;
    let (there, thief) = (site.app.client(), site.app.client());
    let ask = site.there(&there, "/.gatehouse/sign-in?next=%2Fpages%2F").await.expect(303);
    let with_code = here.get(ask.location().unwrap()).await.expect(303).location().unwrap().to_owned();
    assert!(with_code.starts_with(&format!("{}/.gatehouse/callback?code=", site.pages())), "{with_code}");
    let mut tampered = with_code.clone();
    let last = if tampered.pop() == Some('A') { 'B' } else { 'A' };
    tampered.push(last);
    site.there(&there, &tampered).await.expect(400);
    let state = there.copy();
    site.there(&there, &with_code).await.to("/pages/");
    site.there(&there, "/pages/").await.expect(200);
    // The reader who has used it is let on; a browser that has lost the cookie is not, whatever else it has.
    site.there(&there, &with_code).await.to("/pages/");
    let page = site.there(&state, &with_code).await.expect(400).has("works once");
    assert_page(&page);
    site.there(&site.app.client(), &with_code).await.expect(400);
    // Another one in another browser, which has a state of its own.
    let ask = site.there(&site.app.client(), "/.gatehouse/sign-in?next=%2Fpages%2F").await.expect(303);
    let other_code = here.get(ask.location().unwrap()).await.expect(303).location().unwrap().to_owned();
    site.there(&thief, "/.gatehouse/sign-in?next=%2Fpages%2F").await.expect(303);
    site.there(&thief, &other_code).await.expect(400);
    assert_eq!(thief.cookie(&site.cookie()), None);
});

on_both_stacks!(pages_host_is_listed_and_signs_nobody_out, |stack| async {
    let site = Site::serve(stack).await;
    let (_, here) = site.app.person("Ada Lovelace").await;
    let there = site.app.client();
    site.travel(&here, &there, "/pages/").await.expect(200);
    let name = format!("Also signed in at {HOST}:{}", site.app.addr().port());
    here.get("/sessions").await.expect(200).has(&name);
    here.call(Method::POST, "/auth/rotate-session").send().await.expect(200);
    site.there(&there, "/pages/").await.expect(200);
    // A script of the operator's pages could send that.
    let form = there.request(Method::POST, "/.gatehouse/sign-out").header("host", HOST);
    form.without_origin().send().await.expect(404);
    here.get("/profile").await.expect(200);
});

on_both_stacks!(pages_host_sign_in_leads_nowhere_else, |stack| async {
    let site = Site::serve(stack).await;
    let (_, here) = site.app.person("Ada Lovelace").await;
    let there = site.app.client();
    site.travel(&here, &there, "/pages/").await.expect(200);
    for next in ["", "//evil.example", "https://evil.example/pages/", "/\\evil.example"] {
        let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        site.there(&there, &format!("/.gatehouse/sign-in?next={query}")).await.to("/");
    }
    let (state, name) = ("0".repeat(64), format!("{HOST}:{}", site.app.addr().port()));
    here.get(&format!("/site-sign-in?site={name}&state=short&next=%2Fpages%2F")).await.expect(400);
    let without = TestApp::start(stack).await;
    let (_, client) = without.person("Ada Lovelace").await;
    client.get(&format!("/site-sign-in?site={name}&state={state}&next=%2Fpages%2F")).await.expect(404);
});
