//! A browser that binds its sessions to its device, as Chromium does: it has a key on P-256, answers the offer at sign-in, and renews the
//! cookie. It knows nothing of the code under test.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    answer::Answer,
    app::{Builder, TestApp},
    client::{Client, Cookie, Request},
    forged_cookies::SECRET,
    guarded_sites::{HOME, SESSION_COOKIE},
    stack::{Backend, Stack},
    users::Person,
};

/// The cookie that says that the browser has proven its key.
pub const BOUND_COOKIE: &str = "__Host-gatehouse-bound";
/// The same with `COOKIE_DOMAIN`.
pub const SHARED_BOUND_COOKIE: &str = "__Secure-gatehouse-bound";

/// A site on https whose secret the tests know.
pub fn builder(stack: Stack) -> Builder {
    TestApp::builder(stack).var("BASE_URL", HOME).var("SESSION_SECRET", SECRET)
}

/// The same with the state of its sessions in a backend.
pub fn builder_on(backend: Backend) -> Builder {
    builder(backend.stack()).sessions_in(backend)
}

/// A key that does not leave its device.
#[derive(Clone)]
pub struct Device(SigningKey);

impl Device {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let random = Sha256::digest(format!("{:?} {count}", std::time::Instant::now()));
        Self(SigningKey::from_slice(&random).unwrap())
    }

    /// The public key as a token has it.
    pub fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)})
    }

    /// A token with this header and payload, signed.
    pub fn token(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// What answers an offer.
    pub fn registration(&self, offer: &Offer) -> String {
        let header = json!({"alg": "ES256", "jwk": self.jwk(), "typ": "dbsc+jwt"});
        let payload = json!({"authorization": offer.authorization, "jti": offer.challenge});
        self.token(&header.to_string(), &payload.to_string())
    }

    /// What answers a challenge.
    pub fn proof(&self, challenge: &str) -> String {
        let header = json!({"alg": "ES256", "typ": "dbsc+jwt"});
        self.token(&header.to_string(), &json!({"jti": challenge}).to_string())
    }
}

/// What an answer to a sign-in offers.
#[derive(Debug, Clone)]
pub struct Offer {
    pub challenge: String,
    pub authorization: String,
}

impl Offer {
    /// The offer of an answer, if it has one.
    pub fn of(answer: &Answer) -> Option<Self> {
        let header = answer.header("secure-session-registration")?;
        let parameters: Vec<&str> = header.split(';').collect();
        assert_eq!(parameters[..2], ["(ES256)", "path=\"/session/bind\""], "{header}");
        let value = |name: &str| {
            let found = parameters.iter().find_map(|part| part.strip_prefix(name)?.strip_prefix("=\""));
            found.unwrap().strip_suffix('"').unwrap().to_owned()
        };
        Some(Self { challenge: value("challenge"), authorization: value("authorization") })
    }
}

/// The challenge of an answer, and the session that it is for.
pub fn challenge_in(answer: &Answer) -> Option<(String, String)> {
    let (challenge, id) = answer.header("secure-session-challenge")?.split_once("\";id=\"")?;
    Some((challenge.strip_prefix('"')?.to_owned(), id.strip_suffix('"')?.to_owned()))
}

/// What browsers send by themselves.
pub fn by_browser<'a>(client: &'a Client, path: &str) -> Request<'a> {
    client.request(Method::POST, path).header("accept", "*/*").header("sec-fetch-mode", "no-cors")
}

/// Answers an offer with a token.
pub async fn register(client: &Client, token: &str) -> Answer {
    by_browser(client, "/session/bind").header("secure-session-response", token).send().await
}

/// Asks to have a session renewed.
pub async fn refresh(client: &Client, id: &str, proof: Option<&str>) -> Answer {
    let request = by_browser(client, "/session/refresh").header("sec-secure-session-id", id);
    match proof {
        Some(proof) => request.header("secure-session-response", proof),
        None => request,
    }
    .send()
    .await
}

/// A browser with a bound session.
pub struct BoundBrowser {
    pub client: Client,
    pub device: Device,
    /// The public id of the session.
    pub id: String,
    challenge: Mutex<String>,
}

impl BoundBrowser {
    /// Binds the session of a browser that has just got this answer to its sign-in, by a first proof. The moment in which it needs no
    /// cookie is over.
    pub async fn of(app: &TestApp, client: Client, signed_in: &Answer) -> Self {
        let offer = Offer::of(signed_in).unwrap_or_else(|| panic!("no offer: {}", signed_in.summary()));
        let device = Device::new();
        let answer = register(&client, &device.registration(&offer)).await.expect(200);
        let id = answer.json()["session_identifier"].as_str().unwrap().to_owned();
        let (challenge, of) = challenge_in(&answer).unwrap();
        assert_eq!(of, id);
        let browser = Self { client, device, id, challenge: Mutex::new(challenge) };
        browser.renew().await;
        app.age_binding(&browser.id);
        browser
    }

    /// A new person's browser.
    pub async fn of_person(app: &TestApp, name: &str) -> (Person, Self) {
        let (person, client) = (Person::new(name), app.client());
        let answer = person.register(&client).await;
        (person, Self::of(app, client, &answer).await)
    }

    /// A proof of the challenge that the browser has now.
    pub fn proof(&self) -> String {
        self.device.proof(&self.challenge.lock().unwrap())
    }

    /// Sends a proof, and keeps the next challenge.
    pub async fn send(&self, proof: Option<&str>) -> Answer {
        let answer = refresh(&self.client, &self.id, proof).await;
        if let Some((challenge, id)) = challenge_in(&answer) {
            assert_eq!(id, self.id);
            *self.challenge.lock().unwrap() = challenge;
        }
        answer
    }

    /// Renews the cookie.
    pub async fn renew(&self) {
        let answer = self.send(Some(&self.proof())).await.expect(200);
        assert!(answer.set_cookies().iter().any(|cookie| cookie.name.ends_with("-bound")));
    }

    /// The cookie that the browser has for its proof.
    pub fn bound_cookie(&self) -> Option<Cookie> {
        self.client.cookies().into_iter().find(|cookie| cookie.name.ends_with("-bound"))
    }

    /// Somebody who has copied the cookies of these names.
    pub fn stolen(&self, app: &TestApp, names: &[&str]) -> Client {
        let thief = app.client().user_agent("curl/8");
        for cookie in self.client.cookies().iter().filter(|cookie| names.contains(&cookie.name.as_str())) {
            thief.set_cookie(&cookie.name, &cookie.value);
        }
        thief
    }

    /// Somebody who has copied the session's cookie, long ago.
    pub fn thief(&self, app: &TestApp) -> Client {
        self.stolen(app, &[SESSION_COOKIE, "__Secure-gatehouse"])
    }

    /// The browser when its proof has run out and it does not renew it.
    pub fn without_proof(&self, app: &TestApp) -> Client {
        self.thief(app).user_agent(super::client::FIREFOX)
    }
}
