//! Tests `SESSION_BINDING=off`, and going back to it.

use serde_json::json;

use crate::support::{
    device::{self, *},
    *,
};

on_both_stacks!(binding_that_is_off_offers_and_takes_nothing, |stack| async {
    let app = device::builder(stack).start().await;
    let (ada, client) = (Person::new("Ada Lovelace"), app.client());
    let offer = Offer::of(&ada.register(&client).await).unwrap();
    let off = app.instance_with(&[("SESSION_BINDING", "off")]).await;
    assert!(Offer::of(&ada.sign_in(&off.client()).await).is_none());
    register(&client.at(&off), &Device::new().registration(&offer)).await.problem(403);
    assert_eq!(app.device_key_count(), 0);
});

on_both_stacks!(bound_sessions_are_not_checked_while_binding_is_off, |stack| async {
    let mut app = device::builder(stack).start().await;
    let (_, browser) = BoundBrowser::of_person(&app, "Ada Lovelace").await;
    app.restart_with(&[("SESSION_BINDING", "off")]).await;
    browser.thief(&app).get("/profile").await.expect(200);
    let before = app.binding_of(&browser.id);
    let answer = browser.send(Some(&browser.proof())).await.expect(200);
    assert_eq!(answer.json(), json!({"session_identifier": browser.id, "continue": false}));
    assert_eq!(app.binding_of(&browser.id), before);
    app.restart_with(&[("SESSION_BINDING", "offer")]).await;
    assert!(!signed_in(&browser.thief(&app)).await);
    browser.renew().await;
});
