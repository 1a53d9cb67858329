//! Sites with cookies of their own behind this login, asked for as their proxy does: it is this machine.

use reqwest::Method;

use super::{
    answer::Answer,
    app::{Builder, TestApp},
    client::{Client, Cookie, Request},
    stack::Stack,
    users::Person,
};

/// Where people sign in.
pub const HOME: &str = "https://login.example.org";
/// A site behind the login.
pub const APP: &str = "app.example.net";
/// Another one.
pub const WIKI: &str = "wiki.example.com:8443";
/// The name of the cookie of [`APP`].
pub const SITE_COOKIE: &str = "__Host-gatehouse-site";
/// The name of the cookie of [`WIKI`].
pub const WIKI_COOKIE: &str = "__Host-gatehouse-site-8443";
/// The name of the session's cookie.
pub const SESSION_COOKIE: &str = "__Host-gatehouse";

/// Gatehouse before both sites.
pub fn builder(stack: Stack) -> Builder {
    TestApp::builder(stack)
        .var("BASE_URL", HOME)
        .var("GATE_HOSTS", format!("{APP},{WIKI}"))
        .var("TRUSTED_PROXIES", "127.0.0.1")
}

/// Asks as a proxy does about a page of a site.
pub fn ask<'a>(client: &'a Client, host: &str, uri: &str, query: &str) -> Request<'a> {
    client
        .request(Method::GET, &format!("/auth/verify{query}"))
        .header("host", "gatehouse")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", host)
        .header("x-forwarded-uri", uri)
}

/// Asks for what the proxy of a site hands over.
pub async fn handed_over(client: &Client, host: &str, path: &str) -> Answer {
    client.request(Method::GET, path).header("host", host).header("sec-fetch-mode", "navigate").send().await
}

/// A browser, which keeps the cookies of each host apart.
pub struct Visitor {
    /// Its cookies where people sign in.
    pub here: Client,
    /// Those of [`APP`].
    pub app: Client,
    /// Those of [`WIKI`].
    pub wiki: Client,
}

impl Visitor {
    pub fn new(app: &TestApp) -> Self {
        Self { here: app.client(), app: app.client(), wiki: app.client() }
    }

    /// One who is signed in.
    pub async fn signed_in(app: &TestApp, name: &str) -> (Person, Self) {
        let (person, here) = app.person(name).await;
        (person, Self { here, ..Self::new(app) })
    }

    /// The same browser, sent to another instance.
    pub fn at(&self, app: &TestApp) -> Self {
        Self { here: self.here.at(app), app: self.app.at(app), wiki: self.wiki.at(app) }
    }

    fn client(&self, host: &str) -> &Client {
        if host == APP { &self.app } else { &self.wiki }
    }

    /// What the proxy of a site is told about a page.
    pub async fn verify(&self, host: &str) -> Answer {
        ask(self.client(host), host, "/a?b=1&c", "").send().await
    }

    /// What it is told first, or from where on it leads elsewhere: to the sign-in form, or to a page that it may see.
    pub async fn open(&self, host: &str, uri: &str) -> Answer {
        let mut answer = ask(self.client(host), host, uri, "").send().await;
        let mut is_here = false;
        for _ in 0..20 {
            let Some(to) = answer.location().map(str::to_owned) else { return answer };
            is_here = to.starts_with(HOME) || (is_here && to.starts_with('/'));
            answer = if is_here { self.here.get(&to).await } else { self.go(host, &to).await };
        }
        panic!("too many redirects: {}", answer.summary());
    }

    /// Opens an address of a site, by way of its proxy.
    async fn go(&self, host: &str, to: &str) -> Answer {
        let (site, client) = (format!("https://{host}/"), self.client(host));
        assert!(to.starts_with('/') || to.starts_with(&site), "{to}");
        let path = to.strip_prefix(site.trim_end_matches('/')).unwrap_or(to);
        match path.starts_with("/.gatehouse/") {
            true => handed_over(client, host, path).await,
            false => ask(client, host, path, "").send().await,
        }
    }

    /// The address with a code for a page of a site, which is not opened.
    pub async fn code(&self, host: &str, page: &str) -> String {
        let query: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
        let path = format!("/.gatehouse/sign-in?next={query}");
        let there = handed_over(self.client(host), host, &path).await.expect(303);
        let answer = self.here.get(there.location().unwrap()).await.expect(303);
        let code = answer.location().unwrap().to_owned();
        assert!(code.starts_with(&format!("https://{host}/.gatehouse/callback?code=")), "{code}");
        code
    }

    /// The cookie that a site has in this browser.
    pub fn cookie(&self, host: &str) -> Option<Cookie> {
        self.client(host).cookie(if host == APP { SITE_COOKIE } else { WIKI_COOKIE })
    }
}
