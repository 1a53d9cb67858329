//! Visits every page in Chromium, wide and narrow, light and dark: no page scrolls sideways, axe-core reports no
//! violation, and a screenshot of each is saved in `target/screenshots`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use fantoccini::{Locator, wd::WebDriverCompatibleCommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    axe::assert_accessible,
    sample_data::{SAFARI_ON_IPHONE, age, behind_a_proxy, sample_history, sample_sessions},
    *,
};

const FIREFOX_ON_MAC: &str =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0";

struct Tour {
    app: TestApp,
    browser: Browser,
    variant: &'static str,
}

impl Tour {
    async fn start(variant: &'static str, width: u32, dark: bool) -> Self {
        let app = behind_a_proxy(Stack::PostgresRedis).through_proxies().not_set_up().start().await;
        let builder = Browser::builder(&app).size(width, 800).user_agent(FIREFOX_ON_MAC);
        let browser = if dark { builder.dark().open().await } else { builder.open().await };
        Self { app, browser, variant }
    }

    /// Checks the browser's current page and saves a screenshot.
    async fn check(&self, name: &str) {
        let name = format!("{name}-{}", self.variant);
        // Where a click has scrolled to, the table's sticky head may lie half over a checkbox.
        self.browser.evaluate("scrollTo(0, 0)").await;
        screenshot(&self.browser, &name).await;
        let widths = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]";
        let Value::Array(widths) = self.browser.evaluate(widths).await else { unreachable!() };
        assert_eq!(widths[0], widths[1], "{name} scrolls sideways");
        assert_accessible(&self.browser, &name).await;
    }

    async fn visit(&self, path: &str, name: &str) {
        self.browser.goto(path).await;
        self.check(name).await;
    }

    /// Submits a form, and checks the page once it shows a text.
    async fn send(&self, form: &str, shows: &str, name: &str) {
        self.browser.submit(form).await;
        self.browser.wait_for(shows).await;
        self.check(name).await;
    }

    async fn sign_in(&self, person: &Person) {
        self.browser.goto("/login").await;
        self.browser.fill(&[("email", &person.email), ("password", PASSWORD)]).await;
        self.browser.submit("/login").await;
        self.browser.wait_for_path("/profile").await;
    }

    async fn as_visitor(&self) {
        let browser = &self.browser;
        self.visit(self.app.setup_link().unwrap(), "setup").await;
        self.send("/setup", "Error:", "setup-refused").await;
        self.visit("/", "front-not-set-up").await;
        self.visit("/register", "register-not-set-up").await;
        self.app.suppose_set_up().await;
        sample_sessions(&self.app).await;
        self.visit("/", "front").await;
        self.visit("/login?next=/sessions", "login").await;
        self.send("/login", "Error:", "login-empty").await;
        browser.fill(&[("email", "ada@example.org"), ("password", "wrong")]).await;
        self.send("/login", "Email or password is incorrect.", "login-wrong").await;
        self.visit("/register", "register").await;
        browser.fill(&[("name", "Ada"), ("email", "nonsense"), ("password", "password")]).await;
        self.send("/register", "Error:", "register-refused").await;
        self.visit("/nowhere", "404").await;
        self.visit("/setup?token=used", "setup-used").await;
        self.visit("/password/reset?token=used", "reset-used").await;
        self.visit("/password/forgot", "forgot").await;
        self.send("/password/forgot", "Error:", "forgot-refused").await;
        browser.fill(&[("email", "nobody@example.org")]).await;
        self.send("/password/forgot", "on its way", "forgot-sent").await;
        self.visit("/email/sent", "email-sent").await;
        self.visit("/email/confirm?token=used", "email-confirm-used").await;
        self.visit("/email/undo?token=used", "email-undo-used").await;
    }

    async fn as_user(&self) {
        let (browser, ada) = (&self.browser, Person::new("Ada Lovelace"));
        browser.goto("/register").await;
        browser.fill(&[("name", &ada.name), ("email", &ada.email), ("password", PASSWORD)]).await;
        browser.fill(&[("password_confirmation", PASSWORD)]).await;
        self.send("/register", "Your account is ready", "welcome").await;
        self.send("/profile/password", "Error:", "profile-refused").await;
        browser.goto("/profile").await;
        let field = browser.client().find(Locator::Css("#delete-current")).await.unwrap();
        field.send_keys(PASSWORD).await.unwrap();
        self.send("/profile/delete", "Delete your account?", "profile-delete").await;
        self.visit("/", "front-user").await;
        self.visit("/members", "members").await;
        self.visit("/login", "login-signed-in").await;
        self.visit("/profile", "profile").await;
        self.addresses(&ada).await;
        self.visit("/sessions", "my-sessions-one").await;
        for device in [FIREFOX, "curl/8.14.1", "<b>Nobody knows</b>", FIREFOX_ON_MAC] {
            ada.sign_in_remembered(&self.app.client().user_agent(device)).await;
        }
        age(&self.app, &self.app.session_in("curl"), 1440, 1430, false);
        self.visit("/sessions", "my-sessions").await;
        self.send("/sessions/end-others", "Sign out everywhere else?", "my-sessions-asking").await;
        browser.goto("/sessions").await;
        browser.click_beside("Unknown device", "End session").await;
        browser.wait_for("The session was ended.").await;
        self.check("my-sessions-ended").await;
        self.visit("/activity", "activity").await;
        self.visit("/activity?after=1", "activity-nothing").await;
        self.visit("/activity?after=nonsense", "activity-mistake").await;
        self.visit("/admin/sessions", "403").await;
        self.send("/logout", "You are signed out.", "signed-out").await;
    }

    /// The forms about one's address, and the pages behind the links in mails.
    async fn addresses(&self, ada: &Person) {
        let (browser, app, new) = (&self.browser, &self.app, "ada@bücher.example");
        self.send("/profile/email", "Error:", "profile-email-refused").await;
        browser.fill(&[("email", new)]).await;
        let field = browser.client().find(Locator::Css("#email-current")).await.unwrap();
        field.send_keys(PASSWORD).await.unwrap();
        self.send("/profile/email", "waits to be confirmed", "profile-email-pending").await;
        app.insert_address_token("confirm", ada, &ada.email, "own");
        app.insert_address_token("confirm", ada, new, "new");
        app.insert_address_token("undo", ada, &ada.email, "undo");
        self.visit("/email/confirm?token=own", "email-confirm").await;
        self.visit("/email/confirm?token=new", "email-confirm-new").await;
        self.visit("/email/undo?token=undo", "email-undo").await;
        browser.goto("/profile").await;
        self.send("/profile/email/withdraw", "stays as it is", "profile-email-withdrawn").await;
    }

    async fn as_administrator(&self) {
        let (browser, app) = (&self.browser, &self.app);
        let (grace, _) = app.admin("Grace Hopper").await;
        let long = Person {
            name: "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff the Third, of Nowhere in Particular"
                .to_owned(),
            ..Person::new("Hubert Blaine Wolfeschlegelsteinhausenbergerdorff")
        };
        long.register(&app.client()).await;
        let arabic = Person { name: "ليلى بن علي".to_owned(), ..Person::new("Layla") };
        arabic.register(&app.client().user_agent("")).await;
        self.sign_in(&grace).await;
        self.admin_sessions().await;
        self.admin_session().await;
        let own = app.newest_session_of(&grace);
        self.visit(&format!("/admin/sessions/{own}"), "admin-session-own").await;
        self.users(&long).await;
        for _ in 0..45 {
            arabic.sign_in(&app.client()).await;
        }
        self.visit("/admin/sessions", "admin-sessions-many").await;
        browser.click("Next page").await;
        browser.wait_for("First page").await;
        self.check("admin-sessions-second-page").await;
        self.events_and_overview().await;
    }

    /// The list of sessions, its filters, and the ends that begin there.
    async fn admin_sessions(&self) {
        let (browser, app) = (&self.browser, &self.app);
        self.visit("/", "front-admin").await;
        self.visit("/members", "members-admin").await;
        self.visit("/admin/sessions", "admin-sessions-all").await;
        let summary = browser.client().find(Locator::Css("tr:nth-child(3) summary")).await.unwrap();
        summary.send_keys("\n").await.unwrap();
        self.check("admin-sessions-ending").await;
        self.visit("/admin/sessions?role=user", "admin-sessions-of-users").await;
        for row in [2, 3] {
            let tick = format!("tr:nth-child({row}) input[name=ids]");
            browser.client().find(Locator::Css(&tick)).await.unwrap().click().await.unwrap();
        }
        browser.click("End 2 ticked…").await;
        self.check("admin-sessions-ticked").await;
        app.insert_bulk_end("over", true, 1205, 1204);
        app.insert_bulk_end("stopped", false, 12_000, 7_000);
        self.visit("/admin/sessions/ends/over", "admin-bulk-end").await;
        self.visit("/admin/sessions/ends/stopped", "admin-bulk-end-stopped").await;
        self.visit("/admin/sessions?q=okafor&ip=203.0.113.0/24", "admin-sessions-found").await;
        self.visit("/admin/sessions?q=nobody", "admin-sessions-none").await;
        self.visit("/admin/sessions?ip=10.0.0.0/99", "admin-sessions-mistake").await;
        self.visit("/admin/sessions?after=nonsense", "admin-sessions-no-page").await;
        self.visit("/admin/sessions?browser=chrome&role=user&idle_over=5m", "admin-sessions-filters").await;
        self.visit("/admin/sessions?state=ended", "admin-sessions-ended-list").await;
        assert!(!browser.text().await.contains("active now"), "an ended session is not active");
        browser.goto("/admin/sessions?q=okafor").await;
        browser.click("End all that match…").await;
        self.check("admin-sessions-ending-all").await;
        browser.fill(&[("reason", "Phone reported as stolen")]).await;
        self.send("/admin/sessions/end", "the filter and will end at once", "admin-sessions-preview").await;
    }

    /// The page of a session, and its end.
    async fn admin_session(&self) {
        let (browser, app) = (&self.browser, &self.app);
        let one = app.active_session_from("203.0.113.58").unwrap();
        let page = format!("/admin/sessions/{one}");
        self.visit(&page, "admin-session").await;
        browser.fill(&[("reason", &"long ".repeat(50))]).await;
        self.send(&format!("{page}/end"), "on one line of at most 200 characters", "admin-session-refused")
            .await;
        browser.fill(&[("reason", "Laptop reported as stolen")]).await;
        self.send(&format!("{page}/end"), "The session was ended.", "admin-sessions-ended").await;
        self.visit(&page, "admin-session-ended").await;
    }

    /// The administrator's log and charts.
    async fn events_and_overview(&self) {
        let browser = &self.browser;
        self.visit("/admin/events", "admin-events").await;
        self.visit("/admin/events?q=okafor&ip=203.0.113.0/24&from=2020-01-01", "admin-events-found").await;
        self.visit("/admin/events?kind=session_ended", "admin-events-ends").await;
        self.visit("/admin/events?q=nobody", "admin-events-none").await;
        self.visit("/admin/events?ip=10.0.0.0/99&from=soon&kind=x", "admin-events-mistake").await;
        self.visit("/admin", "admin-overview-young").await;
        self.app.delete_samples();
        sample_history(&self.app);
        self.visit("/admin", "admin-overview").await;
        self.visit("/admin?range=30d", "admin-overview-month").await;
        let tables = "document.querySelectorAll('.as-table').forEach((table) => { table.open = true })";
        browser.evaluate(tables).await;
        self.check("admin-overview-tables").await;
    }

    async fn users(&self, long: &Person) {
        let (browser, app) = (&self.browser, &self.app);
        self.visit("/admin/users", "admin-users").await;
        self.visit("/admin/users?q=nobody&state=invited", "admin-users-none").await;
        self.visit("/admin/users?role=root&after=x", "admin-users-mistake").await;
        browser.click("Invite somebody…").await;
        self.check("admin-users-inviting").await;
        browser.fill(&[("name", &long.name), ("email", "nonsense")]).await;
        browser.click("Make invitation").await;
        browser.wait_for("Error:").await;
        self.check("admin-users-invite-refused").await;
        browser.fill(&[("email", "hubert@example.org")]).await;
        browser.click("Make invitation").await;
        browser.wait_for("Invitation for").await;
        self.check("admin-users-invited").await;
        let link = browser.evaluate("return document.getElementById('link').value").await;
        let invited = app.user_id("hubert@example.org");
        self.visit(&format!("/admin/users/{invited}"), "admin-user-invited").await;
        app.set_active("hubert@example.org", false);
        self.visit(&format!("/admin/users/{invited}"), "admin-user-deactivated").await;
        app.set_active("hubert@example.org", true);
        let page = app.admin_path(&Person::new("Ada Lovelace"));
        self.visit(&page, "admin-user").await;
        self.send(&format!("{page}/deactivate"), "Deactivate this account?", "admin-user-asking").await;
        browser.goto(&page).await;
        self.send(&format!("{page}/send-reset"), "Link for", "admin-user-link").await;
        self.visit(&app.admin_path(&Person::new("Grace Hopper")), "admin-user-own").await;
        app.forget_confirmations();
        browser.goto(&page).await;
        self.send(&format!("{page}/send-reset"), "Nothing was changed yet", "confirm-password").await;
        self.send(&format!("{page}/send-reset"), "Error:", "confirm-password-refused").await;
        self.visit(link.as_str().unwrap(), "reset").await;
        self.send("/password/reset", "Error:", "reset-refused").await;
    }

    /// The list and an open page after a session ended elsewhere, and then the sign-in page.
    async fn ended_elsewhere(&self) {
        let (browser, app) = (&self.browser, &self.app);
        let client = app.client();
        Person::new("Grace Hopper").sign_in(&client).await;
        browser.goto("/admin/sessions?q=example.org").await;
        browser.wait_for("Live").await;
        let one = app.active_session_from("203.0.113.7").unwrap_or_else(|| app.recently_seen_session(3));
        client
            .post(&format!("/admin/sessions/{one}/end"), &[("reason", "Phone lost")])
            .await
            .to("/admin/sessions");
        browser.wait_for("Phone lost").await;
        screenshot(browser, &format!("admin-sessions-struck-{}", self.variant)).await;
        client.post("/sessions/end-others", &[]).await.to("/sessions");
        browser.wait_for("You were signed out from another device.").await;
        self.check("ended-elsewhere").await;
        browser.click("Sign in again").await;
        browser.wait_for("Remember me").await;
        self.check("login-ended").await;
    }

    async fn without_stores(&self) {
        for proxy in [self.app.stores().redis_proxy(), self.app.stores().postgres_proxy()] {
            proxy.set(ProxyMode::Refuse);
            proxy.reset_connections();
        }
        self.visit("/profile", "503").await;
        self.visit("/", "front-unavailable").await;
    }
}

async fn tour(variant: &'static str, width: u32, dark: bool) {
    let tour = Tour::start(variant, width, dark).await;
    tour.as_visitor().await;
    tour.as_user().await;
    tour.as_administrator().await;
    tour.ended_elsewhere().await;
    tour.without_stores().await;
}

#[actix_web::test]
async fn pages_wide_light_fit_and_pass_axe() {
    tour("wide-light", 1280, false).await;
}

#[actix_web::test]
async fn pages_wide_dark_fit_and_pass_axe() {
    tour("wide-dark", 1280, true).await;
}

#[actix_web::test]
async fn pages_narrow_light_fit_and_pass_axe() {
    tour("narrow-light", 375, false).await;
}

#[actix_web::test]
async fn pages_narrow_dark_fit_and_pass_axe() {
    tour("narrow-dark", 375, true).await;
}

/// `docs/admin-sessions.png` and `docs/phone-sessions.png` are copies of the screenshots that this test saves.
#[actix_web::test]
async fn readme_screenshots_are_taken() {
    let app = behind_a_proxy(Stack::Sqlite).start().await;
    sample_sessions(&app).await;
    let grace = Person::new("Grace Hopper");
    grace.register(&app.client()).await;
    app.make_admin(&grace);
    app.delete_sessions_of(&grace);
    let browser = Browser::builder(&app).size(1280, 800).user_agent(FIREFOX_ON_MAC).open().await;
    browser.goto("/login?next=/admin/sessions").await;
    browser.fill(&[("email", &grace.email), ("password", PASSWORD)]).await;
    browser.submit("/login").await;
    browser.wait_for("11 active sessions").await;
    let own = app.newest_session();
    age(&app, &own, 94, 0, false);
    app.set_session_ip(&own, "198.51.100.4");
    browser.goto("/admin/sessions").await;
    browser.wait_for("198.51.100.4").await;
    screenshot(&browser, "admin-sessions").await;

    let phone = Browser::builder(&app).size(390, 844).user_agent(SAFARI_ON_IPHONE).open().await;
    phone.goto("/login?next=/sessions").await;
    phone.fill(&[("email", &Person::new("Amara Okafor").email), ("password", PASSWORD)]).await;
    phone.submit("/login").await;
    phone.wait_for("This device").await;
    app.set_session_ip(&app.newest_session(), "198.51.100.23");
    phone.goto("/sessions").await;
    phone.wait_for("198.51.100.23").await;
    screenshot(&phone, "phone-sessions").await;
}

/// Saves a screenshot of the whole page, including what has to be scrolled to.
pub(super) async fn screenshot(browser: &Browser, name: &str) {
    let answer =
        browser.client().issue_cmd(WholePage).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    fs::create_dir_all(folder()).unwrap();
    let bytes =
        base64::Engine::decode(&base64::prelude::BASE64_STANDARD, answer["data"].as_str().unwrap()).unwrap();
    fs::write(folder().join(format!("{name}.png")), bytes).unwrap();
}

/// Where the screenshots are.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots")
}

#[derive(Debug)]
struct WholePage;

impl WebDriverCompatibleCommand for WholePage {
    fn endpoint(&self, driver: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        driver.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        let parameters = json!({ "format": "png", "captureBeyondViewport": true });
        let command = json!({ "cmd": "Page.captureScreenshot", "params": parameters });
        (Method::POST, Some(command.to_string()))
    }
}
