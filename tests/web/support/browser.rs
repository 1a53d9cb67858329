//! A real browser: headless Chromium through chromedriver.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource as _, MouseActions, PointerAction},
    elements::Element,
};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{app::TestApp, client::path_of, eventually::eventually};

/// A little less than `eventually` waits, so that a test fails with the text of the page.
const TIMEOUT: Duration = Duration::from_secs(59);

/// One browser with a profile of its own. Dropping this closes it.
pub struct Browser {
    client: Client,
    session: String,
    site: String,
    profile: Arc<TempDir>,
}

/// A browser before it is opened.
pub struct BrowserBuilder {
    site: String,
    size: (u32, u32),
    dark: bool,
    javascript: bool,
    waits_for_load: bool,
    third_party_cookies: Option<bool>,
    user_agent: Option<String>,
    names: &'static [&'static str],
    profile: Arc<TempDir>,
    /// More arguments of the program.
    pub(super) flags: Vec<String>,
    /// Keeps a log of what it does in the network.
    pub(super) logs_network: bool,
}

impl BrowserBuilder {
    /// Finds this machine under these names too.
    pub fn names(mut self, names: &'static [&'static str]) -> Self {
        self.names = names;
        self
    }

    /// Keeps what the browser remembers in this folder, where a browser that was closed has left it.
    pub fn profile(mut self, profile: &Arc<TempDir>) -> Self {
        self.profile = Arc::clone(profile);
        self
    }

    /// The window's size in CSS pixels; below 500 wide it is a phone's.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Opens the site by another name of this machine: `localhost`, or one that ends with `.localhost`.
    pub fn host(mut self, name: &str) -> Self {
        self.site = self.site.replace("127.0.0.1", name);
        self
    }

    /// Prefers the dark colour scheme.
    pub fn dark(mut self) -> Self {
        self.dark = true;
        self
    }

    /// Runs no scripts.
    pub fn without_javascript(mut self) -> Self {
        self.javascript = false;
        self
    }

    /// Shows pages while they are still being sent.
    pub fn while_loading(mut self) -> Self {
        self.waits_for_load = false;
        self
    }

    /// Whether cookies go with what a page asks of another site, if their `SameSite` lets them; distributions differ.
    pub fn third_party_cookies(mut self, allowed: bool) -> Self {
        self.third_party_cookies = Some(allowed);
        self
    }

    /// Sends another `User-Agent`.
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        self.user_agent = Some(user_agent.to_owned());
        self
    }

    /// Opens the browser.
    pub async fn open(self) -> Browser {
        let Value::Object(mut capabilities) = self.capabilities(self.profile.path()) else { unreachable!() };
        if self.logs_network {
            capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "performance": "ALL" }));
        }
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.into_iter().collect::<Map<_, _>>())
            .connect(&driver_url())
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}"));
        let session = client.session_id().await.unwrap().unwrap();
        Browser { client, session, site: self.site, profile: self.profile }
    }

    fn capabilities(&self, profile: &Path) -> Value {
        let (width, height) = self.size;
        let mut arguments = vec![
            "--headless=new".to_owned(),
            // Needed as root and in containers; the browser only ever loads the application under test.
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--no-first-run".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--lang=en".to_owned(),
            format!(
                "--host-resolver-rules={}MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost , EXCLUDE *.localhost",
                self.names.iter().map(|name| format!("MAP {name} 127.0.0.1 , ")).collect::<String>()
            ),
            format!("--user-data-dir={}", profile.display()),
            format!("--window-size={width},{height}"),
            // 0 is dark, 1 is light.
            format!("--blink-settings=preferredColorScheme={}", u8::from(!self.dark)),
        ];
        if let Some(name) = &self.user_agent {
            arguments.push(format!("--user-agent={name}"));
        }
        arguments.extend(self.flags.iter().cloned());
        let mut options = json!({
            "args": arguments,
            "prefs": {
                "credentials_enable_service": false,
                "profile.password_manager_enabled": false,
                "profile.password_manager_leak_detection": false,
            },
        });
        if !self.javascript {
            options["prefs"]["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        if let Some(allowed) = self.third_party_cookies {
            options["prefs"]["profile.cookie_controls_mode"] = json!(u8::from(!allowed));
            options["prefs"]["profile.block_third_party_cookies"] = json!(!allowed);
        }
        // A window can't be narrower than this; an emulated device can.
        if width < 500 {
            options["mobileEmulation"] = json!({
                "deviceMetrics": { "width": width, "height": height, "pixelRatio": 2.0, "mobile": true },
            });
        }
        let strategy = if self.waits_for_load { "normal" } else { "none" };
        json!({ "browserName": "chrome", "pageLoadStrategy": strategy, "goog:chromeOptions": options })
    }
}

impl Browser {
    /// Opens a browser of 1280 by 900 pixels in the light colour scheme, with JavaScript.
    pub async fn open(app: &TestApp) -> Self {
        Self::builder(app).open().await
    }

    /// Prepares a browser for each look of a page: wide and narrow, light and dark.
    pub fn looks(app: &TestApp) -> [(&'static str, BrowserBuilder); 4] {
        let sized = |width| Self::builder(app).size(width, 800);
        [
            ("wide-light", sized(1280)),
            ("wide-dark", sized(1280).dark()),
            ("narrow-light", sized(375)),
            ("narrow-dark", sized(375).dark()),
        ]
    }

    /// Prepares a browser with other settings.
    pub fn builder(app: &TestApp) -> BrowserBuilder {
        Self::builder_at(app.url(""))
    }

    /// Prepares a browser for the site at an origin.
    pub fn builder_at(site: String) -> BrowserBuilder {
        let size = (1280, 900);
        BrowserBuilder {
            site,
            size,
            dark: false,
            javascript: true,
            waits_for_load: true,
            third_party_cookies: None,
            user_agent: None,
            names: &[],
            profile: Arc::new(TempDir::new().unwrap()),
            flags: Vec::new(),
            logs_network: false,
        }
    }

    /// The WebDriver client, for what has no method here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens a page.
    pub async fn goto(&self, path: &str) {
        self.client.goto(&format!("{}{}", self.site, path_of(path))).await.unwrap();
    }

    /// Opens a page of another instance, by the same name; later pages are of that instance, too.
    pub async fn goto_instance(&mut self, app: &TestApp, path: &str) {
        let (name, _) = self.site.rsplit_once(':').unwrap();
        self.site = format!("{name}:{}", app.addr().port());
        self.goto(path).await;
    }

    /// The path and query of the current page.
    pub async fn path(&self) -> String {
        path_of(self.client.current_url().await.unwrap().as_str()).to_owned()
    }

    /// Replaces the text of fields, found by their names.
    pub async fn fill(&self, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            let field = self.field(name).await;
            field.clear().await.unwrap();
            field.send_keys(value).await.unwrap();
        }
    }

    /// Ticks or unticks a checkbox.
    pub async fn toggle(&self, name: &str) {
        self.field(name).await.click().await.unwrap();
    }

    /// Presses the button of the form with this action.
    pub async fn submit(&self, action: &str) {
        let css = format!("form[action='{action}'] button[type='submit']");
        let button = self.client.find(Locator::Css(&css)).await;
        match button {
            Ok(button) => button.click().await.unwrap(),
            Err(_) => panic!("no form to {action} on {}:\n{}", self.path().await, self.text().await),
        }
    }

    /// Presses keys in the element that has the focus; `Key` has those that type nothing.
    pub async fn press(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Moves the mouse onto the first element that matches.
    pub async fn hover(&self, css: &str) {
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        let there = PointerAction::MoveToElement { element, duration: None, x: 0.0, y: 0.0 };
        let mouse = MouseActions::new("mouse".to_owned()).then(there);
        self.client.perform_actions(mouse).await.unwrap();
    }

    /// Clicks the first visible button with this text, else the first such link.
    pub async fn click(&self, text: &str) {
        self.click_among(text, "").await;
    }

    /// Does so within the row, list item, card or section that also shows another text.
    pub async fn click_beside(&self, beside: &str, text: &str) {
        let around = ["tr", "li", "article", "section"].map(|name| format!("self::{name}")).join(" or ");
        // The innermost one contains no other that shows the same.
        let shows = format!("({around}) and contains(normalize-space(.), {})", literal(beside));
        self.click_among(text, &format!("//*[{shows}][not(.//*[{shows}])]")).await;
    }

    async fn click_among(&self, text: &str, within: &str) {
        let quoted = literal(text);
        let whole = format!("(normalize-space(.)={quoted} or @aria-label={quoted} or @value={quoted})");
        let part = format!("contains(normalize-space(.), {quoted})");
        // A form's button is preferred to the link of the same name in the page's header.
        let buttons = "self::button or self::input[@type='submit']";
        let others = "self::a or self::summary or self::label";
        let paths = [(buttons, &whole), (others, &whole), (buttons, &part), (others, &part)]
            .map(|(kind, says)| format!("{within}//*[({kind}) and {says}]"));
        let target = self.wait_visible(&paths, text).await;
        target.click().await.unwrap_or_else(|error| panic!("click {text:?}: {error}"));
    }

    async fn wait_visible(&self, paths: &[String], text: &str) -> Element {
        let found = eventually(|| async {
            for path in paths {
                for element in self.client.find_all(Locator::XPath(path)).await.ok()? {
                    if element.is_displayed().await.unwrap_or(false) {
                        return Some(element);
                    }
                }
            }
            None
        });
        match tokio::time::timeout(TIMEOUT, found).await {
            Ok(element) => element,
            Err(_) => {
                panic!("nothing to click says {text:?} on {}:\n{}", self.path().await, self.text().await)
            }
        }
    }

    /// Waits until the page shows a text.
    pub async fn wait_for(&self, text: &str) {
        let shows = eventually(|| async { self.text().await.contains(text) });
        if tokio::time::timeout(TIMEOUT, shows).await.is_err() {
            panic!("no {text:?} on {}:\n{}", self.path().await, self.text().await);
        }
    }

    /// Waits until the current page has this path (and query).
    pub async fn wait_for_path(&self, path: &str) {
        let there = eventually(|| async { self.path().await == path });
        if tokio::time::timeout(TIMEOUT, there).await.is_err() {
            panic!("not at {path} but at {}:\n{}", self.path().await, self.text().await);
        }
    }

    /// The visible text of the page, with runs of white space as one space.
    pub async fn text(&self) -> String {
        let Ok(body) = self.client.find(Locator::Css("body")).await else { return String::new() };
        // The page may change between the two calls.
        let text = body.text().await.unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Runs a script; returns its result: `browser.evaluate("return document.title")`.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// A command of WebDriver that the client has no name for; returns its value. One without a path is about the session.
    pub async fn driver(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/session/{}/{path}", driver_url().trim_end_matches('/'), self.session);
        let url = url.trim_end_matches('/');
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.request(method, url);
        let request = if body.is_null() { request } else { request.json(body) };
        let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].take()
    }

    /// Runs a script in each page before its own.
    pub async fn run_first(&self, script: &str) {
        let command =
            json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": { "source": script } });
        self.driver(Method::POST, "goog/cdp/execute", &command).await;
    }

    /// The folder with what the browser remembers.
    pub(super) fn into_profile(self) -> Arc<TempDir> {
        Arc::clone(&self.profile)
    }

    async fn field(&self, name: &str) -> Element {
        let css = format!("[name='{name}']:not([type='hidden'])");
        let found = self.client.find(Locator::Css(&css)).await;
        match found {
            Ok(field) => field,
            Err(_) => panic!("no field {name} on {}:\n{}", self.path().await, self.text().await),
        }
    }
}

impl Drop for Browser {
    /// Closes the browser without the test's runtime, which may have ended after a panic.
    fn drop(&mut self) {
        let url = driver_url();
        let driver = url.trim_start_matches("http://").trim_end_matches('/');
        let Ok(mut stream) = TcpStream::connect(driver) else { return };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let session = &self.session;
        let _ = write!(
            stream,
            "DELETE /session/{session} HTTP/1.1\r\nHost: {driver}\r\nConnection: close\r\n\r\n"
        );
        // The answer comes when the browser has exited, so that its profile can be removed.
        let _ = stream.read(&mut [0; 512]);
    }
}

fn driver_url() -> String {
    std::env::var("TEST_WEBDRIVER_URL")
        .expect("TEST_WEBDRIVER_URL is not set: run the tests with scripts/test")
}

/// A text as an XPath literal, which has no escapes.
fn literal(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let parts: Vec<String> = text.split('\'').map(|part| format!("'{part}'")).collect();
    format!("concat({})", parts.join(", \"'\", "))
}
