//! An HTTP client whose cookies can be read, copied and forged, and which follows redirects only when told to.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::{Method, header::HeaderMap, redirect::Policy};

use super::answer::Answer;

/// The default `User-Agent` of a client.
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

use super::secrets;

/// A browser or script with its own cookies.
pub struct Client {
    http: reqwest::Client,
    /// Shared with the application, so that a client finds the application again after a restart.
    address: Arc<Mutex<SocketAddr>>,
    user_agent: String,
    cookies: Mutex<Vec<Cookie>>,
}

/// A cookie as it was set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    /// Names in lower case, with values; an attribute without a value has an empty one.
    pub attributes: Vec<(String, String)>,
}

impl Cookie {
    /// Parses the value of a `Set-Cookie` header.
    pub fn parse(line: &str) -> Self {
        let mut parts = line.split(';').map(|part| part.trim().split_once('=').unwrap_or((part.trim(), "")));
        let (name, value) = parts.next().unwrap_or_default();
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            attributes: parts.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        }
    }

    /// The value of an attribute: `path`, `samesite`, `max-age`; empty for `secure` and `httponly`.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the cookie has an attribute.
    pub fn is(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// `Max-Age` in seconds; `None` for a cookie that is deleted when the browser is closed.
    pub fn max_age(&self) -> Option<i64> {
        self.attribute("max-age")?.parse().ok()
    }

    fn removes(&self) -> bool {
        self.max_age().is_some_and(|seconds| seconds <= 0)
    }
}

impl Client {
    /// A client without cookies; tests use [`super::TestApp::client`].
    pub fn new(address: Arc<Mutex<SocketAddr>>) -> Self {
        Self { http: http(None), address, user_agent: FIREFOX.to_owned(), cookies: Mutex::default() }
    }

    /// The client at another IP address of this machine, such as 127.0.0.2.
    pub fn bound_to(mut self, ip: impl Into<IpAddr>) -> Self {
        self.http = http(Some(ip.into()));
        self
    }

    /// The client with another `User-Agent`.
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// Another client with the same cookies: a second tab, or an attacker who has copied them.
    pub fn copy(&self) -> Self {
        Self {
            http: self.http.clone(),
            address: self.address.clone(),
            user_agent: self.user_agent.clone(),
            cookies: Mutex::new(self.cookies()),
        }
    }

    /// The client with another instance of the application.
    pub fn at(&self, app: &super::TestApp) -> Self {
        Self { address: app.address(), ..self.copy() }
    }

    /// The client with another instance in a process of its own.
    pub fn at_program(&self, program: &super::Program) -> Self {
        Self { address: program.address(), ..self.copy() }
    }

    /// All cookies that the client has.
    pub fn cookies(&self) -> Vec<Cookie> {
        self.cookies.lock().unwrap().clone()
    }

    /// One of the client's cookies.
    pub fn cookie(&self, name: &str) -> Option<Cookie> {
        self.cookies.lock().unwrap().iter().find(|cookie| cookie.name == name).cloned()
    }

    /// Adds a cookie or replaces its value.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let cookie = Cookie { name: name.to_owned(), value: value.to_owned(), ..Cookie::default() };
        store(&mut self.cookies.lock().unwrap(), cookie);
    }

    /// Deletes the cookies without `Max-Age`, as a browser does when it is closed.
    pub fn close(&self) {
        self.cookies.lock().unwrap().retain(|cookie| cookie.max_age().is_some());
    }

    /// Gets a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    /// Gets a page and follows its redirects, at most ten.
    pub async fn get_following(&self, path: &str) -> Answer {
        let answer = self.get(path).await;
        self.follow(answer).await
    }

    /// Follows the redirects of a response, at most ten.
    pub async fn follow(&self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            let Some(location) = answer.location().map(str::to_owned) else { return answer };
            answer = self.get(&location).await;
        }
        panic!("more than ten redirects, the last was {}", answer.summary());
    }

    /// Sends a form as a browser does from a page of this site.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.request(Method::POST, path).form(fields).send().await
    }

    /// Sends any bytes.
    pub async fn post_raw(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.request(Method::POST, path).body(content_type, body).send().await
    }

    /// Sends JSON and accepts JSON.
    pub async fn post_json(&self, path: &str, body: &serde_json::Value) -> Answer {
        self.request(Method::POST, path).json(body).send().await
    }

    /// Prepares a request, with the headers that a browser sends from a page of this site.
    pub fn request(&self, method: Method, path: &str) -> Request<'_> {
        let mut headers = HeaderMap::new();
        headers.insert("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8".parse().unwrap());
        headers.insert("user-agent", self.user_agent.parse().unwrap());
        let request =
            Request { client: self, method, path: path_of(path).to_owned(), headers, body: Vec::new() };
        if matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE) {
            return request;
        }
        let origin = format!("http://{}", self.address.lock().unwrap());
        request.header("origin", &origin).header("sec-fetch-site", "same-origin")
    }
}

/// A request before it is sent.
pub struct Request<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request<'_> {
    /// Sets a header in place of the default one.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Removes a header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Removes `Origin` and `Sec-Fetch-Site`, which scripts do not send.
    pub fn without_origin(self) -> Self {
        self.without("origin").without("sec-fetch-site")
    }

    /// Sets the headers that a browser sends from a page of another site.
    pub fn cross_site(self, origin: &str) -> Self {
        self.header("origin", origin).header("sec-fetch-site", "cross-site")
    }

    /// Sets a form as the body.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        fields.iter().for_each(|(name, value)| secrets::note_field(name, value));
        let body = reqwest::Client::new().post("http://localhost").form(fields).build().unwrap();
        let bytes = body.body().and_then(|body| body.as_bytes()).unwrap_or_default().to_vec();
        self.body("application/x-www-form-urlencoded", bytes)
    }

    /// Sets JSON as the body and accepts JSON.
    pub fn json(self, body: &serde_json::Value) -> Self {
        for (name, value) in body.as_object().into_iter().flatten() {
            secrets::note_field(name, value.as_str().unwrap_or_default());
        }
        self.body("application/json", body.to_string()).header("accept", "application/json")
    }

    /// Sets the body.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Sends the request; panics when there is no response.
    pub async fn send(self) -> Answer {
        let request_line = format!("{} {}", self.method, self.path);
        self.try_send().await.unwrap_or_else(|error| panic!("{request_line}: {error:?}"))
    }

    /// Sends the request; an error when there is no response. The endless body of an event stream is not read.
    pub async fn try_send(self) -> reqwest::Result<Answer> {
        let request_line = format!("{} {}", self.method, self.path);
        secrets::note_link(&self.path);
        let client = self.client;
        let response = self.respond().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let bytes = if endless { Vec::new() } else { response.bytes().await?.to_vec() };
        let answer = Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            request: request_line,
        };
        let mut jar = client.cookies.lock().unwrap();
        for cookie in answer.set_cookies() {
            // This one has the public id of a session.
            if !cookie.name.ends_with("gatehouse-told") {
                secrets::note(&cookie.value);
            }
            store(&mut jar, cookie);
        }
        Ok(answer)
    }

    /// Sends the request; the caller reads the body.
    pub async fn respond(mut self) -> reqwest::Result<reqwest::Response> {
        let address = *self.client.address.lock().unwrap();
        let cookies = self.client.cookies.lock().unwrap().clone();
        if !cookies.is_empty() && !self.headers.contains_key("cookie") {
            let pairs: Vec<_> =
                cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
            self = self.header("cookie", &pairs.join("; "));
        }
        let url = format!("http://{address}{}", self.path);
        let request = self.client.http.request(self.method, url).headers(self.headers).body(self.body);
        request.send().await
    }
}

fn store(jar: &mut Vec<Cookie>, cookie: Cookie) {
    jar.retain(|known| known.name != cookie.name);
    if !cookie.removes() {
        jar.push(cookie);
    }
}

/// The path and query of an address: links that the application makes begin with `BASE_URL`.
pub fn path_of(address: &str) -> &str {
    match address.split_once("://") {
        Some((_, rest)) if !address.starts_with('/') => rest.find('/').map_or("/", |slash| &rest[slash..]),
        _ => address,
    }
}

/// A client that keeps no idle connections, for which an application that stops would wait.
fn http(from: Option<IpAddr>) -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .local_address(from)
        .timeout(Duration::from_secs(120))
        .build()
        .unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_parse_keeps_attributes() {
        let cookie = Cookie::parse("__Host-x=a=b; Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
        assert_eq!(
            (cookie.name.as_str(), cookie.value.as_str(), cookie.max_age()),
            ("__Host-x", "a=b", Some(60))
        );
        assert_eq!(
            (cookie.attribute("samesite"), cookie.is("httponly"), cookie.is("secure")),
            (Some("Lax"), true, false)
        );
    }

    #[test]
    fn cookie_jar_replaces_and_removes() {
        let mut jar = Vec::new();
        for line in ["a=1", "b=1", "a=2", "b=; Max-Age=0"] {
            store(&mut jar, Cookie::parse(line));
        }
        assert_eq!(jar, [Cookie::parse("a=2")]);
    }

    #[test]
    fn path_of_removes_origin() {
        assert_eq!(path_of("http://localhost:3000/setup?token=x"), "/setup?token=x");
        assert_eq!(path_of("https://site.example"), "/");
        assert_eq!(path_of("/login?next=http://x/"), "/login?next=http://x/");
    }
}
