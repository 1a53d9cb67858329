//! Gatehouse behind TLS, in a browser that binds its sessions to its device.

use std::{process::Stdio, sync::Arc};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::{
    app::{Builder, TestApp},
    browser::Browser,
    client::Cookie,
    eventually::eventually,
    program::Program,
    stack::Stack,
    tls_front::{Exchange, Headers, PathRule, TlsFront},
    users::Person,
};

/// The host of Gatehouse.
pub const LOGIN: &str = "login.example.org";
/// All names of the site.
pub(super) const NAMES: [&str; 3] = [LOGIN, "app.example.org", "example.org"];

/// The cookie that only the browser with the key renews.
pub const BOUND: &str = "__Host-gatehouse-bound";
/// The same for all hosts of `COOKIE_DOMAIN`.
pub const BOUND_ON_DOMAIN: &str = "__Secure-gatehouse-bound";
/// Where a browser tells its key.
pub const BIND: &str = "/session/bind";
/// Where it proves that it has the key.
pub const REFRESH: &str = "/session/refresh";

/// Two instances of Gatehouse with TLS in front of them, which leads to the first one.
pub struct BoundSite {
    pub front: TlsFront,
    /// In the test's own process.
    pub app: TestApp,
    /// In a process of its own, which can be killed.
    pub second: Program,
}

/// What curl got.
#[derive(Debug)]
pub struct Curled {
    pub status: u16,
    /// The lines before the body.
    pub head: String,
    pub body: String,
}

impl BoundSite {
    /// Starts it with the defaults.
    pub async fn start(stack: Stack) -> Self {
        Self::with(stack, |builder| builder).await
    }

    /// Starts it with other settings.
    pub async fn with(stack: Stack, with: impl FnOnce(Builder) -> Builder) -> Self {
        let front = TlsFront::start(&NAMES);
        let builder =
            TestApp::builder(stack).var("BASE_URL", front.origin(LOGIN)).var("TRUSTED_PROXIES", "127.0.0.1");
        let app = with(builder).start().await;
        front.lead_to(app.addr());
        let second = app.second_program();
        Self { front, app, second }
    }

    /// Opens a browser with an empty profile.
    pub async fn browser(&self) -> Browser {
        self.browser_in(&Arc::new(TempDir::new().unwrap())).await
    }

    /// Opens a browser with a profile.
    pub async fn browser_in(&self, profile: &Arc<TempDir>) -> Browser {
        let builder = Browser::builder_at(self.front.origin(LOGIN)).names(&NAMES).profile(profile);
        builder.binding(&self.front).open_binding().await
    }

    /// Opens a browser in which somebody has signed in, and whose session is bound.
    pub async fn bound_browser(&self, person: &Person) -> Browser {
        let browser = self.browser().await;
        self.sign_in(&browser, person).await;
        browser
    }

    /// Opens a browser that has no keys for sessions, as most have none.
    pub async fn browser_without_keys(&self) -> Browser {
        Browser::builder_at(self.front.origin(LOGIN)).names(&NAMES).trusting(&self.front).open().await
    }

    /// Signs somebody in with the form, and waits until the session is bound.
    pub async fn sign_in(&self, browser: &Browser, person: &Person) {
        let before = self.front.requests(BIND).len();
        self.fill_in(browser, person, false).await;
        self.is_bound(browser, before + 1).await;
    }

    /// Signs somebody in with the form, with or without a tick at "Remember me"; again while the machine is so busy with other tests that
    /// no password is checked within a second.
    pub async fn fill_in(&self, browser: &Browser, person: &Person, remembers: bool) {
        for _ in 0..100 {
            browser.goto("/login").await;
            browser.fill(&[("email", &person.email), ("password", &person.password)]).await;
            if remembers {
                browser.toggle("remember").await;
            }
            browser.submit("/login").await;
            let is_busy = eventually(|| async {
                let is_busy = browser.text().await.contains("Too many passwords wait");
                (is_busy || browser.path().await == "/profile").then_some(is_busy)
            });
            if !is_busy.await {
                return;
            }
        }
        panic!("no password was checked in a hundred tries");
    }

    /// Waits until the browser has told its key so often, and has proven the last one: from then on the session is bound.
    pub async fn is_bound(&self, browser: &Browser, count: usize) {
        let told = self.front.answered(BIND, count).await;
        assert_eq!(told.status, Some(200), "{told:#?}");
        let id = self.bound_id();
        // Browsers prove it with whatever they ask for next.
        browser.evaluate("return fetch('/auth/session').then(answer => answer.text())").await;
        eventually(|| async {
            let refreshes = self.front.requests(REFRESH).into_iter().rev();
            let mut of_session =
                refreshes.filter(|refresh| refresh.request.get("sec-secure-session-id") == Some(&*id));
            let cookie = of_session.find_map(|refresh| bound_cookie(&refresh.answer))?;
            (browser.cookie(&cookie.name).await.as_ref() == Some(&cookie.value)).then_some(())
        })
        .await;
        // What was underway when it was bound may have come without the cookie: nothing is now.
        assert!(self.app.age_bindings() > 0);
    }

    /// The public id of the session that was bound last, as browsers are told it.
    #[track_caller]
    pub fn bound_id(&self) -> String {
        let bound = self.front.requests(BIND).pop().expect("a session was bound");
        let challenge = bound.answer.get("secure-session-challenge").expect("a challenge").to_owned();
        let (_, id) = challenge.split_once(";id=\"").unwrap_or_else(|| panic!("{challenge}"));
        id.trim_end_matches('"').to_owned()
    }

    /// Expires the cookie of a bound session while its refresh is held; does something in the page, waits until that is asked for, and
    /// lets the refresh pass. Returns the request as it arrived after the refresh.
    pub async fn holds(&self, browser: &Browser, script: &str, method: &str, path: &str) -> Exchange {
        let (before, refreshes) = (self.sent(method, path).len(), self.front.requests(REFRESH).len());
        self.front.set(REFRESH, PathRule::Hold);
        for cookie in [BOUND, BOUND_ON_DOMAIN] {
            browser.delete_cookie(cookie).await;
        }
        // WebDriver answers when the page that the script opens is there, which is after the refresh.
        let script = format!("setTimeout(() => {{ {script} }}, 0)");
        let held = async {
            self.front.asked(REFRESH, refreshes + 1).await;
            let sent = self.sent(method, path).split_off(before);
            assert!(
                sent.is_empty(),
                "{method} {path} waits for the refresh: {:#?}",
                self.front.all_requests()
            );
            self.front.set(REFRESH, PathRule::Pass);
        };
        tokio::join!(browser.evaluate(&script), held);
        let sent = eventually(|| async {
            self.sent(method, path).into_iter().nth(before).filter(|sent| sent.status.is_some())
        })
        .await;
        let refresh = self.front.answered(REFRESH, refreshes + 1).await;
        assert_eq!((refresh.status, self.front.requests(REFRESH).len()), (Some(200), refreshes + 1));
        sent
    }

    fn sent(&self, method: &str, path: &str) -> Vec<Exchange> {
        let mut requests = self.front.requests(path);
        requests.retain(|exchange| exchange.method == method);
        requests
    }

    /// Asks with curl, which checks the certificate.
    pub async fn curl(&self, host: &str, path: &str, arguments: &[&str]) -> Curled {
        let port = self.front.addr().port();
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-i", "--noproxy", "*", "--max-time", "60", "--cacert"])
            .arg(self.front.authority());
        curl.args(["--resolve", &format!("{host}:{port}:127.0.0.1")]).args(arguments);
        let output = curl.arg(self.url(host, path)).stdin(Stdio::null()).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Curled { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The address of a path at one of the names.
    pub fn url(&self, host: &str, path: &str) -> String {
        self.front.origin(host) + path
    }
}

/// The cookie for this host or for all of the domain, if an answer sets one.
pub fn bound_cookie(answer: &Headers) -> Option<Cookie> {
    answer.cookie(BOUND).or_else(|| answer.cookie(BOUND_ON_DOMAIN))
}

/// The events of a kind, such as `termination`, as Chromium tells them.
pub fn of_kind(events: &[Value], kind: &str) -> Vec<Value> {
    let details = format!("{kind}EventDetails");
    events.iter().filter(|event| event[&details].is_object()).cloned().collect()
}
