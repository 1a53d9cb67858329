//! Tests session keys chosen by clients, store entries planted by attackers, and unreadable states: none is a session.

use std::collections::HashMap;

use super::*;
use crate::support::forged_cookies::cookie_for;

on_all_backends!(store_mangled_state_is_anonymous, |backend| async {
    let (app, _) = start(backend).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (good, key) = (app.stored_state(), app.store_entries().remove(0));
    let entries: HashMap<String, String> = serde_json::from_str(&good).unwrap();
    let with = |name: &str, value: &str| {
        let mut entries = entries.clone();
        entries.insert(name.to_owned(), value.to_owned());
        serde_json::to_string(&entries).unwrap()
    };
    let mut mangled: Vec<String> =
        ["", "{", "null", "[]", "{}", "random-thing-which-is-not-json", "{\"a\":1}"]
            .map(str::to_owned)
            .to_vec();
    mangled.push(good[..good.len() - 1].to_owned());
    mangled.extend(
        entries
            .keys()
            .filter(|name| name.starts_with("session_id") || *name == "absolute_end" || *name == "remembered")
            .map(|name| with(name, "x")),
    );
    mangled.push(with("session_id", "\"another\""));
    mangled.push(with("absolute_end", "1"));
    mangled.push(with("actix_identity.user_id", "\"999999\""));
    for text in &mangled {
        app.set_stored_state(&key, text);
        assert_anonymous(&client).await;
    }
    app.set_stored_state(&key, &good);
    assert!(signed_in(&client).await, "the original state signs in again");
});

on_all_backends!(store_swapped_state_is_anonymous, |backend| async {
    let (app, _) = start(backend).await;
    let (_, ada) = app.person("Ada Lovelace").await;
    let state = app.stored_state();
    let (_, grace) = app.person("Grace Hopper").await;
    let key = store_key(&key_in(&grace.cookie(COOKIE).unwrap().value));
    app.set_stored_state(&key, &state);
    assert_anonymous(&grace).await;
    assert!(signed_in(&ada).await);
});

on_all_backends!(store_chosen_key_is_never_adopted, |backend| async {
    let (app, _) = start(backend).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let real = key_in(&client.cookie(COOKIE).unwrap().value);
    let hashed = format!("p{}", store_key(&real));
    let unknown = format!("p{}", "a".repeat(64));
    for chosen in [&unknown, &hashed, &real[1..], "p", "", "x", "é", &"p".repeat(2_000)] {
        let thief = app.client();
        thief.set_cookie(COOKIE, &cookie_for(chosen));
        assert_anonymous(&thief).await;
        let _ = thief.post("/test/rotate", &[]).await.expect(401);
        thief.set_cookie(COOKIE, &cookie_for(chosen));
        let _ = ada.sign_in(&thief).await;
        let given = key_in(&thief.cookie(COOKIE).unwrap().value);
        assert!(given != *chosen && given.len() > 40, "{chosen:.20}");
    }
    assert!(signed_in(&client).await);
    let real_again = app.client();
    real_again.set_cookie(COOKIE, &cookie_for(&real));
    assert!(
        signed_in(&real_again).await,
        "cookies made by this test are readable, so the others were refused for their keys"
    );
});

#[actix_web::test]
async fn store_entry_planted_in_redis_is_no_session() {
    let (app, _) = start(Backend::Redis).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let state = app.stored_state();
    let chosen = format!("p{}", "a".repeat(64));
    app.set_stored_state(&store_key(&chosen), &state);
    let thief = app.client();
    thief.set_cookie(COOKIE, &cookie_for(&chosen));
    assert_anonymous(&thief).await;
    let _ = thief.post("/test/rotate", &[]).await.expect(401);
    assert!(signed_in(&client).await);
    assert_eq!(app.store_keys().len(), 1);
    // A user who signs in over a planted cookie gets a key that the attacker does not know.
    let victim = thief.copy();
    let _ = ada.sign_in(&victim).await;
    assert!(signed_in(&victim).await);
    assert_anonymous(&thief).await;
}
