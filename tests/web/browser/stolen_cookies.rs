//! Tests with curl what cookies are worth that were stolen from Chromium: ten minutes at most, and nothing at a refresh. The browser that
//! they were stolen from goes on.

use std::time::Duration;

use gatehouse::config::Config;
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};

use crate::support::{
    bound_site::{BIND, BOUND, BoundSite, Curled, LOGIN, REFRESH},
    passkey::base64url,
    *,
};

/// Makes proofs count for less than the ten minutes, and less than any variable may say.
fn with_short_proofs(config: &mut Config) {
    config.session.binding.as_mut().unwrap().ttl = Duration::from_secs(30);
}

/// Cookies as they are written after `-b`.
fn jar(cookies: &[Cookie]) -> String {
    let pairs: Vec<_> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
    pairs.join("; ")
}

/// Asks for a refresh with stolen cookies, and a proof if there is one.
async fn refresh(site: &BoundSite, stolen: &str, id: &str, proof: Option<&str>) -> Curled {
    let mut headers = vec![format!("Sec-Secure-Session-Id: {id}")];
    headers.extend(proof.map(|proof| format!("Secure-Session-Response: {proof}")));
    let arguments = headers.iter().flat_map(|header| ["-H", header]);
    let arguments: Vec<&str> = ["-X", "POST", "-b", stolen].into_iter().chain(arguments).collect();
    site.curl(LOGIN, REFRESH, &arguments).await
}

/// The key of the thief.
fn key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}

/// What a browser would send, signed by the thief.
fn signed(head: &Value, payload: &Value) -> String {
    let signed = format!("{}.{}", base64url(head.to_string()), base64url(payload.to_string()));
    let signature: Signature = key().sign(signed.as_bytes());
    format!("{signed}.{}", base64url(signature.to_bytes()))
}

/// The value of a parameter, such as `challenge="…"`.
fn parameter<'a>(header: &'a str, before: &str) -> &'a str {
    let value = header.split(before).nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no {before} in {header}"))
}

/// The proof that a refusal asks for, by the key of the thief.
fn forged(refused: &Curled) -> String {
    let head = refused.head.to_lowercase();
    let at = head.find("secure-session-challenge:").unwrap_or_else(|| panic!("{refused:?}"));
    let challenge = parameter(&refused.head[at..], ": \"");
    signed(&json!({ "alg": "ES256", "typ": "dbsc+jwt" }), &json!({ "jti": challenge }))
}

/// The same without a signature.
fn unsigned(refused: &Curled) -> String {
    let forged = forged(refused);
    let payload = forged.split('.').nth(1).unwrap();
    format!("{}.{payload}.", base64url(json!({ "alg": "none", "typ": "dbsc+jwt" }).to_string()))
}

/// The registration of the thief's key by an offer that was made to the browser.
fn registration(offer: &str) -> String {
    let point = key().verifying_key().to_sec1_point(false);
    let (x, y) = (base64url(point.x().unwrap()), base64url(point.y().unwrap()));
    let jwk = json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y });
    let payload = json!({
        "authorization": parameter(offer, "authorization=\""), "jti": parameter(offer, "challenge=\""),
    });
    signed(&json!({ "alg": "ES256", "jwk": jwk, "typ": "dbsc+jwt" }), &payload)
}

on_both_stacks!(stolen_cookies_are_refused_at_a_refresh_at_once, |stack| async {
    let site = BoundSite::start(stack).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    let (stolen, id) = (jar(&browser.cookies().await), site.bound_id());
    let proof = site.front.requests(REFRESH).pop().unwrap().request;
    let proof = proof.get("secure-session-response").unwrap().to_owned();

    let bare = refresh(&site, &stolen, &id, None).await;
    let mut refused = vec![refresh(&site, &stolen, &id, Some(&forged(&bare))).await];
    refused.push(refresh(&site, &stolen, &id, Some(&unsigned(&bare))).await);
    // The proof that the browser itself has sent.
    refused.push(refresh(&site, &stolen, &id, Some(&proof)).await);
    refused.push(bare);
    for refused in refused {
        assert_eq!(
            (refused.status, refused.head.to_lowercase().contains("set-cookie")),
            (403, false),
            "{refused:?}"
        );
    }
    // A key of the thief's cannot take the place of the browser's.
    let offer = site.front.requests("/login").pop().unwrap();
    let offer = offer.answer.get("secure-session-registration").unwrap().to_owned();
    let registered = format!("Secure-Session-Response: {}", registration(&offer));
    let arguments = ["-X", "POST", "-b", &*stolen, "-H", &*registered];
    let registered = site.curl(LOGIN, BIND, &arguments).await;
    assert!((400..404).contains(&registered.status), "{registered:?}");

    // None of it touched the browser's.
    browser.delete_cookie(BOUND).await;
    browser.goto("/sessions").await;
    browser.wait_for("This device").await;
    assert_eq!(site.app.end_reason(&id), None);
});

on_both_stacks!(stolen_cookies_are_refused_once_their_time_is_over, |stack| async {
    let site = BoundSite::with(stack, |builder| builder.adjust(with_short_proofs)).await;
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    let (cookies, id) = (browser.cookies().await, site.bound_id());
    let stolen = jar(&cookies);
    let key_alone: Vec<_> = cookies.into_iter().filter(|cookie| cookie.name != BOUND).collect();
    let key_alone = jar(&key_alone);
    let me = site.curl(LOGIN, "/auth/me", &["-b", &stolen]).await;
    assert!(
        me.status == 200 && me.body.contains(&ada.email),
        "for a while they are as good as the browser's: {me:?}"
    );

    for stolen in [&stolen, &key_alone] {
        // A cookie that the browser has sent at the last moment arrives a minute later at most.
        let is_refused = || async { site.curl(LOGIN, "/auth/me", &["-b", stolen]).await.status == 401 };
        eventually_within(Duration::from_secs(240), is_refused).await;
        let form = ["-b", stolen, "-H", "Sec-Fetch-Site: same-origin", "-d", "name=Thief"];
        for (path, arguments, expected) in [
            ("/profile", &["-b", stolen][..], 303),
            ("/profile", &form, 401),
            ("/sessions", &["-b", stolen], 303),
            ("/auth/verify", &["-b", stolen], 401),
            ("/session/events", &["-b", stolen, "-H", "Accept: text/event-stream"], 401),
            ("/auth/sessions", &["-b", stolen], 401),
        ] {
            let refused = site.curl(LOGIN, path, arguments).await;
            assert_eq!(refused.status, expected, "{path}: {refused:?}");
            assert!(!refused.body.contains(&ada.email), "{path}: {refused:?}");
        }
        let refused = refresh(&site, stolen, &id, None).await;
        assert_eq!(refresh(&site, stolen, &id, Some(&forged(&refused))).await.status, 403);
    }
    assert_eq!(site.app.name_of(&ada), ada.name);

    browser.goto("/profile").await;
    browser.wait_for(&ada.email).await;
    assert_eq!((browser.path().await.as_str(), site.app.end_reason(&id)), ("/profile", None));
});
