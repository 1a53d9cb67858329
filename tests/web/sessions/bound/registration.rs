//! Tests the offer at sign-in, and the registration of a key.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    authenticator::Authenticator,
    device::{self, *},
    forged_cookies::SECRET,
    guarded_sites::SESSION_COOKIE,
    passkey, *,
};

on_both_stacks!(session_is_bound_at_sign_in, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let id = app.session_of(&ada);
    assert_eq!(offer.authorization, id);
    assert!(!app.is_bound(&id));
    let device = Device::new();
    let answer = register(&client, &device.registration(&offer)).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let exclude = |path: &str| json!({"type": "exclude", "domain": "*", "path": path});
    let excluded = ["/static", "/favicon.ico", "/.well-known", "/session/refresh"].map(exclude);
    let expected = json!({
        "session_identifier": id,
        "refresh_url": "/session/refresh",
        "scope": {
            "include_site": false,
            "scope_specification": excluded,
        },
        "credentials": [{
            "type": "cookie",
            "name": BOUND_COOKIE,
            "attributes": "HttpOnly; SameSite=Lax; Secure; Path=/",
        }],
        "allowed_refresh_initiators": ["*"],
    });
    assert_eq!(answer.json(), expected);
    let (challenge, of) = challenge_in(&answer).unwrap();
    assert_eq!(of, id);
    let [cookie] = &answer.set_cookies()[..] else { panic!("{}", answer.summary()) };
    assert_eq!((cookie.name.as_str(), cookie.max_age()), (BOUND_COOKIE, Some(60)));
    assert!(cookie.is("secure") && cookie.is("httponly") && !cookie.is("domain"), "{cookie:?}");
    assert_eq!((cookie.attribute("path"), cookie.attribute("samesite")), (Some("/"), Some("Lax")));
    // The browser may give its key up after the answer, so the session is bound by the first proof.
    assert!(!app.is_bound(&id));
    client.get("/activity").await.expect(200).lacks("Session bound to its device");
    refresh(&client, &id, Some(&device.proof(&challenge))).await.expect(200);
    assert!(app.is_bound(&id));
    let [x, y] = ["x", "y"].map(|name| device.jwk()[name].as_str().unwrap().to_owned());
    assert!(!app.binding_of(&id).contains(&x) && !x.is_empty() && !y.is_empty());
    assert_eq!(app.device_key_count(), 1);
    client.get("/profile").await.expect(200);
    client.get("/activity").await.expect(200).has("Session bound to its device");
});

on_both_stacks!(browser_that_gives_its_key_up_stays_signed_in, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let before = client.copy();
    register(&client, &Device::new().registration(&offer)).await.expect(200);
    let id = app.session_of(&ada);
    assert!(!app.is_bound(&id));
    app.age_bindings();
    before.get("/profile").await.expect(200);
    // Another proof than that of the key binds nothing.
    let answer = refresh(&client, &id, None).await;
    let (challenge, _) = challenge_in(&answer).unwrap();
    refresh(&client, &id, Some(&Device::new().proof(&challenge))).await.problem(403);
    assert!(!app.is_bound(&id));
    before.get("/profile").await.expect(200);
});

on_both_stacks!(every_way_to_sign_in_is_offered_to_bind, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    assert!(Offer::of(&ada.register(&client).await).is_some());
    assert!(Offer::of(&ada.sign_in(&app.client()).await).is_some());
    assert!(Offer::of(&ada.sign_in_remembered(&app.client()).await).is_some());
    let call = app.client().post_json("/auth/login", &ada.credentials()).await.expect(200);
    assert!(Offer::of(&call).is_some());
    let (authenticator, _) = Authenticator::set_up(&app, &client).await;
    let second = app.client();
    let first_step = second.post("/login", &[("email", &ada.email), ("password", &ada.password)]).await;
    assert!(Offer::of(&first_step.to("/login/verify")).is_none());
    let answer = second.post("/login/verify", &[("code", &authenticator.code())]).await.expect(303);
    assert!(Offer::of(&answer).is_some());
    // Pages that start no session offer nothing.
    assert!(Offer::of(&second.get("/profile").await.expect(200)).is_none());
    assert!(Offer::of(&app.client().get("/login").await.expect(200)).is_none());
});

on_both_stacks!(passkey_sign_in_is_offered_to_bind, |stack| async {
    let app = device::builder(stack).start().await;
    let (_, client) = app.person("Ada Lovelace").await;
    let mut key = passkey::SoftPasskey::new(&app);
    (key.origin, key.rp_id) = ("https://login.example.org".to_owned(), "login.example.org".to_owned());
    let begun = passkey::options(&client, "/security/passkeys/options").await.expect(200).json();
    let said = key.create(&begun);
    client.post("/security/passkeys", &[("name", "Phone"), ("passkey", &said)]).await;
    let other = app.client();
    let begun = passkey::options(&other, "/login/passkey/options").await.expect(200).json();
    let said = serde_json::from_str(&key.get(&begun)).unwrap();
    let answer = passkey::send(&other, "/login/passkey", &said).await.expect(200);
    assert!(Offer::of(&answer).is_some());
});

on_both_stacks!(token_is_not_offered_to_bind, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let sent = json!({"email": ada.email, "password": ada.password, "token": true});
    let answer = app.client().post_json("/auth/login", &sent).await.expect(200);
    assert!(Offer::of(&answer).is_none());
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let client = app.client();
    let again = client.with_token(Method::POST, "/auth/login", &token).json(&sent).send().await.expect(200);
    assert!(Offer::of(&again).is_none());
    let rotated = client.with_token(Method::POST, "/auth/rotate-session", &token).send().await;
    assert!(Offer::of(&rotated).is_none());
});

on_both_stacks!(http_site_offers_nothing, |stack| async {
    let app = TestApp::start(stack).await;
    let client = app.client();
    let answer = Person::new("Ada Lovelace").register(&client).await;
    assert!(Offer::of(&answer).is_none());
});

on_both_stacks!(session_is_bound_once, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let id = app.session_of(&ada);
    let token = Device::new().registration(&offer);
    register(&client, &token).await.expect(200);
    let before = (app.binding_of(&id), app.event_count());
    for token in [token, Device::new().registration(&offer)] {
        let answer = register(&client, &token).await;
        answer.problem(403);
        assert!(answer.set_cookies().is_empty() && challenge_in(&answer).is_none());
        assert_eq!((app.binding_of(&id), app.event_count()), before);
    }
});

on_both_stacks!(registration_needs_the_session_of_its_challenge, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, one) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&one).await).unwrap();
    let two = app.client();
    let other = Offer::of(&ada.sign_in(&two).await).unwrap();
    let device = Device::new();
    // Without a session, with that of another browser, and after it has ended.
    register(&app.client(), &device.registration(&offer)).await.problem(403);
    register(&two, &device.registration(&offer)).await.problem(403);
    let mixed = Offer { authorization: other.authorization.clone(), ..offer.clone() };
    register(&two, &device.registration(&mixed)).await.problem(403);
    let copy = two.copy();
    two.post("/logout", &[]).await.to("/");
    register(&copy, &device.registration(&other)).await.problem(403);
    assert_eq!(app.device_key_count(), 0);
    register(&one, &device.registration(&offer)).await.expect(200);
    assert_eq!(app.device_key_count(), 1);
});

on_both_stacks!(registration_is_possible_for_who_must_set_up_a_second_factor, |stack| async {
    let app = device::builder(stack).var("SECOND_FACTOR", "everyone").start().await;
    let (ada, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    browser.client.get("/security").await.expect(200).has(&ada.name);
    browser.renew().await;
    browser.thief(&app).get("/security").await.to("/login?next=%2Fsecurity");
});

on_both_stacks!(challenge_outlives_a_new_secret, |stack| async {
    let mut app = device::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let both = format!("{},{SECRET}", random_secret());
    app.restart_with(&[("SESSION_SECRET", &both)]).await;
    let device = Device::new();
    let answer = register(&client, &device.registration(&offer)).await.expect(200);
    let id = app.session_of(&ada);
    app.age_binding(&id);
    let (challenge, _) = challenge_in(&answer).unwrap();
    refresh(&client, &id, Some(&device.proof(&challenge))).await.expect(200);
    client.get("/profile").await.expect(200);
});

on_both_stacks!(bound_cookie_outlives_a_new_secret, |stack| async {
    let mut app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    let both = format!("{},{SECRET}", random_secret());
    app.restart_with(&[("SESSION_SECRET", &both)]).await;
    browser.client.get("/profile").await.expect(200);
    browser.renew().await;
    app.restart_with(&[("SESSION_SECRET", both.split_once(',').unwrap().0)]).await;
    let page = browser.client.get("/profile").await.expect(200);
    assert!(page.set_cookies().iter().all(|cookie| cookie.name != SESSION_COOKIE));
});

on_both_stacks!(remembered_session_stays_bound, |stack| async {
    let mut app = device::builder(stack).start().await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    let answer = ada.sign_in_remembered(&client).await;
    let browser = BoundBrowser::of(&app, client, &answer).await;
    browser.client.close();
    app.restart().await;
    browser.client.get("/profile").await.expect(200);
    assert!(!signed_in(&browser.thief(&app)).await);
    browser.renew().await;
    browser.client.get("/profile").await.expect(200);
});
