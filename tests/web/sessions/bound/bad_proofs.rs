//! Tests proofs that are none: each gets one clear answer, and changes nothing.

use serde_json::json;

use crate::support::{
    device::{self, *},
    forged_cookies::challenge,
    passkey::base64url,
    *,
};

const PLAIN: &str = r#"{"alg":"ES256","typ":"dbsc+jwt"}"#;

/// Tokens that say what the good one says, and are none. The first part of each is its name.
fn tokens(device: &Device, header: &str, payload: &str) -> Vec<(&'static str, String)> {
    let good = device.token(header, payload);
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let said: serde_json::Value = serde_json::from_str(payload).unwrap();
    let with_header = |from: &str, to: &str| {
        assert!(header.contains(from), "{header}");
        device.token(&header.replace(from, to), payload)
    };
    let with_payload = |from: &str, to: &str| device.token(header, &payload.replacen(from, to, 1));
    vec![
        ("unsigned", format!("{head}.{body}.")),
        ("without signature", format!("{head}.{body}")),
        ("signature of nothing", format!("{head}.{body}.{}", base64url([0; 64]))),
        ("longer signature", format!("{head}.{body}.{signature}AAAA")),
        ("signature of another key", {
            let other = Device::new().token(header, payload);
            format!("{head}.{body}.{}", other.rsplit_once('.').unwrap().1)
        }),
        ("none", format!("{}.{body}.", base64url(header.replace("ES256", "none")))),
        ("signed none", with_header("ES256", "none")),
        ("another algorithm", with_header("ES256", "RS256")),
        ("an algorithm of secrets", with_header("ES256", "HS256")),
        ("a list of algorithms", with_header("\"ES256\"", "[\"ES256\"]")),
        ("another type", with_header("dbsc+jwt", "jwt")),
        ("no type", with_header(",\"typ\":\"dbsc+jwt\"", "")),
        ("unknown in the header", with_header("{\"alg\"", "{\"kid\":\"1\",\"alg\"")),
        ("critical in the header", with_header("{\"alg\"", "{\"crit\":[\"b64\"],\"b64\":false,\"alg\"")),
        ("doubled in the header", with_header("{\"alg\"", "{\"alg\":\"none\",\"alg\"")),
        ("unknown in the payload", with_payload("{", "{\"sub\":\"1\",")),
        ("doubled in the payload", with_payload("{", "{\"jti\":\"x\",")),
        ("a number for a challenge", device.token(header, r#"{"jti":1}"#)),
        ("no challenge", device.token(header, "{}")),
        ("a list for a header", device.token(r#"["ES256","dbsc+jwt",null]"#, payload)),
        (
            "a list for a payload",
            device.token(header, &json!([said["jti"], said["authorization"]]).to_string()),
        ),
        ("no JSON", device.token("x", payload)),
        ("more behind the JSON", device.token(header, &format!("{payload}{{}}"))),
        ("padded", format!("{head}=.{body}.{signature}")),
        ("other base64", format!("{head}.{body}.{}", signature.replace(['-', '_'], "+") + "+")),
        ("four parts", format!("{good}.x")),
        ("two tokens", format!("{good},{good}")),
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("oversized", with_payload("{\"", &format!("{}{{\"", " ".repeat(4_096)))),
        ("deep", device.token(header, &"[".repeat(1_500))),
    ]
}

on_both_stacks!(bad_proofs_are_403_with_a_challenge, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let before = app.binding_of(&browser.id);
    let challenge = challenge_in(&browser.send(None).await).unwrap().0;
    let payload = json!({"jti": challenge}).to_string();
    let mut bad = tokens(&browser.device, PLAIN, &payload);
    let with_key = json!({"alg": "ES256", "jwk": browser.device.jwk(), "typ": "dbsc+jwt"}).to_string();
    let authorized = json!({"jti": challenge, "authorization": browser.id}).to_string();
    bad.push(("with its own key", browser.device.token(&with_key, &payload)));
    bad.push(("with another key", {
        let other = Device::new();
        let header = json!({"alg": "ES256", "jwk": other.jwk(), "typ": "dbsc+jwt"}).to_string();
        other.token(&header, &payload)
    }));
    bad.push(("with an authorization", browser.device.token(PLAIN, &authorized)));
    bad.push(("wrong key", Device::new().proof(&challenge)));
    for (name, token) in bad {
        let answer = refresh(&browser.client, &browser.id, Some(&token)).await;
        assert_eq!(answer.status, 403, "{name}: {}", answer.summary());
        assert!(challenge_in(&answer).is_some() && answer.set_cookies().is_empty(), "{name}");
        assert_eq!(app.binding_of(&browser.id), before, "{name}");
    }
    browser.client.get("/profile").await.expect(200);
    refresh(&browser.client, &browser.id, Some(&browser.device.proof(&challenge))).await.expect(200);
});

on_both_stacks!(challenges_of_others_are_403_with_a_challenge, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let (_, other) = BoundBrowser::of_person(&app, "Grace Hopper").await;
    let offer = Offer::of(&ada.sign_in(&app.client()).await).unwrap();
    let of_other = challenge_in(&other.send(None).await).unwrap().0;
    let own = challenge_in(&browser.send(None).await).unwrap().0;
    let bound_cookie = browser.bound_cookie().unwrap().value;
    let before = app.binding_of(&browser.id);
    for (name, challenge) in [
        ("another session's", of_other.as_str()),
        ("a registration's", &offer.challenge),
        ("the registration's of this session", &challenge("register", &browser.id, 0)),
        ("cut", &own[1..]),
        ("empty", ""),
        ("invented", "abc"),
        ("a cookie", &bound_cookie),
    ] {
        let proof = browser.device.proof(challenge);
        let answer = refresh(&browser.client, &browser.id, Some(&proof)).await;
        assert_eq!(answer.status, 403, "{name}: {}", answer.summary());
        assert!(challenge_in(&answer).is_some() && answer.set_cookies().is_empty(), "{name}");
        assert_eq!(app.binding_of(&browser.id), before, "{name}");
    }
    // A proof for one session is none for another, whoever sends it.
    refresh(&browser.client, &other.id, Some(&browser.proof())).await;
    let answer = refresh(&app.client(), &other.id, Some(&browser.proof())).await;
    assert!(challenge_in(&answer).is_some_and(|(_, id)| id == other.id));
    answer.problem(403);
    browser.renew().await;
});

on_both_stacks!(old_challenges_count_no_more, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let (id, device) = (app.session_of(&ada), Device::new());
    let made = |seconds| Offer { challenge: challenge("register", &id, seconds), ..offer.clone() };
    for seconds in [301, 86_400, -60] {
        register(&client, &device.registration(&made(seconds))).await.problem(403);
    }
    let later = Offer { challenge: challenge("refresh", &id, 0), ..offer.clone() };
    register(&client, &device.registration(&later)).await.problem(403);
    assert_eq!(app.device_key_count(), 0);
    register(&client, &device.registration(&made(290))).await.expect(200);
    // The proof before it ran out after ten minutes.
    let at = |seconds| device.proof(&challenge("refresh", &id, seconds));
    app.forget_last_challenge(&id);
    let answer = refresh(&client, &id, Some(&at(4_260))).await;
    assert!(challenge_in(&answer).is_some());
    answer.problem(403);
    let before = app.binding_of(&id);
    refresh(&client, &id, Some(&at(289))).await.expect(200);
    assert_ne!(app.binding_of(&id), before);
    app.forget_last_challenge(&id);
    refresh(&client, &id, Some(&at(4_080))).await.expect(200);
});

on_both_stacks!(bad_registrations_bind_nothing, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let events = app.event_count();
    let device = Device::new();
    let jwk = device.jwk().to_string();
    let header = format!(r#"{{"alg":"ES256","typ":"dbsc+jwt","jwk":{jwk}}}"#);
    let payload = json!({"authorization": offer.authorization, "jti": offer.challenge}).to_string();
    let mut bad = tokens(&device, &header, &payload);
    let other_key = Device::new().jwk();
    let with_key =
        |jwk: String| device.token(&format!(r#"{{"alg":"ES256","typ":"dbsc+jwt","jwk":{jwk}}}"#), &payload);
    let changed = |name: &str, value: &str| {
        let mut changed = device.jwk();
        changed[name] = json!(value);
        with_key(changed.to_string())
    };
    let with_payload = |payload: serde_json::Value| device.token(&header, &payload.to_string());
    bad.extend([
        ("no key", device.token(PLAIN, &payload)),
        ("a key that is null", with_key("null".to_owned())),
        ("a key in a list", with_key(r#"["EC","P-256","x","y"]"#.to_owned())),
        ("another key", with_key(other_key.to_string())),
        ("another curve", changed("crv", "P-384")),
        ("another kind", changed("kty", "RSA")),
        ("a point that is not on the curve", changed("y", device.jwk()["x"].as_str().unwrap())),
        ("a short coordinate", changed("x", "AAAA")),
        ("a private key", changed("d", "AAAA")),
        ("a key twice", with_key(format!("{jwk},\"jwk\":{other_key}"))),
        ("no authorization", with_payload(json!({"jti": offer.challenge}))),
        ("another authorization", with_payload(json!({"jti": offer.challenge, "authorization": "x"}))),
        ("no challenge", with_payload(json!({"authorization": offer.authorization}))),
        ("an empty challenge", with_payload(json!({"authorization": offer.authorization, "jti": ""}))),
        ("an invented challenge", with_payload(json!({"authorization": offer.authorization, "jti": "abc"}))),
    ]);
    for (name, token) in bad {
        let answer = register(&client, &token).await;
        assert!(matches!(answer.status, 400 | 403), "{name}: {}", answer.summary());
        assert!(answer.set_cookies().is_empty() && challenge_in(&answer).is_none(), "{name}");
        assert_eq!(app.device_key_count(), 0, "{name}");
    }
    let twice = by_browser(&client, "/session/bind").header("secure-session-response", "a, b");
    twice.send().await.problem(400);
    assert_eq!((app.device_key_count(), app.event_count()), (0, events));
    client.get("/profile").await.expect(200);
    register(&client, &device.registration(&offer)).await.expect(200);
});
