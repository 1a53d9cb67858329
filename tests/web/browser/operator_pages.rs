//! Tests in Chromium that what lies under `/pages/` can't act for its reader elsewhere on the site.

use std::fs;

use fantoccini::Locator;
use tempfile::TempDir;

use super::live::sign_in;
use crate::support::*;

/// What a script of an operator's page tries: every way to send a form or to read a page of the site. It says that it has run in
/// the title, and what it has read in the body's `data-read`.
const ATTACK: &str = "
document.title = 'running';
const [site, user] = [document.querySelector('meta[name=site]').content, document.querySelector('meta[name=user]').content];
const role = `${site}/admin/users/${user}/role`;
const read = [];
const attempt = async (what) => { try { return await what(); } catch { return null; } };
const fields = () => new URLSearchParams({ role: 'admin' });
const request = (mode) => ({ method: 'POST', mode, credentials: 'include', body: fields() });
(async () => {
  for (const mode of ['cors', 'no-cors', 'same-origin']) await attempt(() => fetch(role, request(mode)));
  await attempt(() => navigator.sendBeacon(role, fields()));
  for (const path of ['/profile', '/admin/users', '/admin/events.csv']) {
    for (const base of [site, '']) {
      const text = await attempt(async () => (await fetch(base + path, { credentials: 'include' })).text());
      if (text) read.push(path);
    }
  }
  await attempt(() => new Promise((done, fail) => {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', role);
    xhr.withCredentials = true;
    xhr.onloadend = done;
    xhr.send(fields());
  }));
  for (const target of ['frame', '_blank', 'opened']) {
    const form = document.createElement('form');
    Object.assign(form, { method: 'post', action: role, target });
    form.innerHTML = '<input name=role value=admin>';
    document.body.append(form);
    await attempt(() => form.submit());
  }
  const frame = document.createElement('iframe');
  frame.name = 'frame';
  frame.src = `${site}/admin/users/${user}`;
  document.body.append(frame);
  const opened = await attempt(() => window.open(`${site}/admin/users/${user}`, 'opened'));
  await new Promise((done) => setTimeout(done, 500));
  for (const other of [frame.contentWindow, opened]) {
    await attempt(() => { if (other.document.querySelector('form')) read.push('window'); });
    await attempt(() => other.document.querySelector('form[action$=role]').submit());
  }
  document.body.dataset.read = read.join();
  document.title = 'ran';
})();
";

/// A folder of pages that attack the site.
struct Site {
    folder: TempDir,
    app: TestApp,
    admin: Person,
    victim: Person,
}

impl Site {
    async fn serve(stack: Stack, pages_host: Option<&str>) -> Self {
        let folder = TempDir::new().unwrap();
        let builder =
            TestApp::builder(stack).var("PAGES_DIR", folder.path().display()).var("HOME_URL", "/profile");
        let builder = match pages_host {
            Some(host) => builder.var("PAGES_HOST", host),
            None => builder,
        };
        let app = builder.start().await;
        let (admin, _) = app.admin("Grace Hopper").await;
        let (victim, _) = app.person("Mallory").await;
        let site = Self { folder, app, admin, victim };
        site.write();
        site
    }

    fn write(&self) {
        let user = self.app.user_id(&self.victim);
        let home = format!("http://localhost:{}", self.app.addr().port());
        let role = format!("{home}/admin/users/{user}/role");
        let head = format!(
            "<!doctype html><meta name=site content='{home}'><meta name=user content='{user}'>\
             <link rel=stylesheet href=style.css><title>loaded</title>"
        );
        let field = "<input type=hidden name=role value=admin>";
        let page = format!(
            "{head}<body onload=\"document.title = 'ran'\"><p>A page of the operator<script>document.title = 'ran'</script>\
             <form method=post action='{role}'>{field}<button id=here>Here</button>\
             <button id=tab formtarget=_blank>Tab</button><input id=image type=image alt=Image></form>\
             <form method=post action='/pages/'>{field}<button id=other formaction='{role}'>Other</button></form>\
             <a id=ping href='#' ping='{home}/logout'>Ping</a> <a id=script href=\"javascript:document.title='ran'\">Script</a>\
             <iframe src='{home}/admin'></iframe><object data='{home}/admin'></object><script src=attack.js></script>"
        );
        let shape = "<svg xmlns='http://www.w3.org/2000/svg'><script>document.documentElement.id = 'ran'</script></svg>";
        for (path, text) in [
            ("attack.html", page.as_str()),
            ("attack.js", ATTACK),
            ("shape.svg", shape),
            ("style.css", "p { color: rgb(1, 2, 3) }"),
        ] {
            fs::write(self.folder.path().join(path), text).unwrap();
        }
    }

    /// A browser in which the administrator is signed in, at the name that `BASE_URL` has.
    async fn browser(&self) -> Browser {
        let browser = Browser::builder(&self.app).host("localhost").open().await;
        sign_in(&browser, &self.admin).await;
        browser
    }

    /// Asserts that nothing was done for the reader, who is still signed in.
    async fn assert_unharmed(&self, browser: &Browser) {
        browser.goto("/profile").await;
        browser.wait_for(&self.admin.email).await;
        assert_eq!(self.app.role_of(&self.victim), "user");
        assert_eq!(self.app.event_count_of("role_changed"), 0);
    }
}

on_both_stacks!(operator_page_runs_no_script_and_sends_no_form_at_the_site, |stack| async {
    let site = Site::serve(stack, None).await;
    let browser = site.browser().await;
    let click = async |id: &str| {
        browser.goto("/pages/attack.html").await;
        let element = browser.client().find(Locator::Id(id)).await.unwrap();
        element.click().await.unwrap();
        assert_ne!(browser.client().title().await.unwrap(), "ran", "{id}");
        assert_eq!(browser.path().await.trim_end_matches('#'), "/pages/attack.html", "{id}");
    };
    browser.goto("/pages/attack.html").await;
    browser.wait_for("A page of the operator").await;
    assert_eq!(browser.client().title().await.unwrap(), "loaded");
    let colour = "return getComputedStyle(document.querySelector('p')).color";
    assert_eq!(browser.evaluate(colour).await, "rgb(1, 2, 3)", "what the page consists of is loaded");
    for id in ["here", "tab", "image", "other", "ping", "script"] {
        click(id).await;
    }
    browser.goto("/pages/shape.svg").await;
    assert_eq!(browser.evaluate("return document.documentElement.id").await, "");
    site.assert_unharmed(&browser).await;
});

on_both_stacks!(operator_page_script_at_pages_host_cannot_act_at_the_site, |stack| async {
    let site = Site::serve(stack, Some("pages.localhost")).await;
    let browser = Browser::builder(&site.app).host("localhost").open().await;
    // The way from the sign-in form to the page crosses both hosts.
    browser.goto("/pages/attack.html").await;
    browser.fill(&[("email", &site.admin.email), ("password", &site.admin.password)]).await;
    browser.submit("/login").await;
    browser.wait_for_path("/pages/attack.html").await;
    let address = browser.client().current_url().await.unwrap();
    assert_eq!(address.host_str(), Some("pages.localhost"));
    eventually(|| async { browser.client().title().await.is_ok_and(|title| title == "ran") }).await;
    assert_eq!(browser.evaluate("return document.body.dataset.read").await, "", "nothing was read");
    assert_eq!(browser.evaluate("return document.cookie").await, "");
    site.assert_unharmed(&browser).await;
    // Signed out at the site is signed out there.
    browser.click("Sign out").await;
    browser.wait_for_path("/").await;
    browser.client().goto(address.as_str()).await.unwrap();
    browser.wait_for_path("/login?next=%2Fpages%2Fattack.html").await;
});
