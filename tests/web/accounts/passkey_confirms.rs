//! Tests that a passkey confirms who is signed in, where the password alone does not.

use crate::support::{
    passkey::{SoftPasskey, options},
    *,
};

on_both_stacks!(passkey_confirms_and_the_password_alone_does_not, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (mut passkey, _) = SoftPasskey::added(&app, &client, "Laptop").await;
    app.forget_confirmations();
    options(&client, "/security/passkeys/options").await.problem(403);
    client.get("/security/passkeys").await.to("/confirm-password?next=%2Fsecurity%2Fpasskeys");
    let page = client.get("/confirm-password").await.expect(200).has("Use a passkey");
    assert_page(&page);
    client.post("/confirm-password", &[("password", PASSWORD)]).await.expect(422);
    let id = app.query_text("SELECT id FROM passkeys")[0][0].clone().unwrap();
    let rename = format!("/security/passkeys/{id}/rename");
    client.post(&rename, &[("name", "Phone"), ("confirm_password", PASSWORD)]).await.expect(422);
    let path = "/confirm-password/options";
    let begun = options(&client, path).await.expect(200).json();
    let mut liar = passkey.clone();
    liar.verifies_user = false;
    let page = client.post(&rename, &[("name", "Phone"), ("confirm_passkey", &*liar.get(&begun))]).await;
    assert_page(&page.expect(422));
    let fields = [("name", "Phone"), ("confirm_passkey", &*passkey.get(&begun))];
    client.post(&rename, &fields).await.to("/security");
    client.get("/security").await.expect(200).has("Phone").lacks("Laptop");
    app.forget_confirmations();
    client.post(&rename, &fields).await.expect(422);
    assert_page(&client.post(&rename, &[("name", "Phone")]).await.expect(403));
    let begun = options(&client, path).await.expect(200).json();
    client.post("/confirm-password", &[("confirm_passkey", &*passkey.get(&begun))]).await.to("/profile");
    assert_page(&client.post(&rename, &[("name", "")]).await.expect(422));
    client.post("/security/passkeys/999999/rename", &[("name", "x")]).await.expect(404);
});

on_both_stacks!(passkey_confirms_for_the_forms_of_the_profile, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let (mut passkey, _) = SoftPasskey::added(&app, &client, "Laptop").await;
    client.get("/profile").await.expect(200).lacks("confirm that it is you");
    app.forget_confirmations();
    let new = "umbrella-trout-58-canyon";
    let fields = [("current_password", PASSWORD), ("password", new), ("password_confirmation", new)];
    let page = client.post("/profile/password", &fields).await.expect(422);
    assert!(page.field_error("current_password").unwrap().contains("code"));
    assert_page(&page);
    let links = page.attributes("form .help a", "href");
    assert_eq!(links, ["/confirm-password?next=%2Fprofile"; 3], "beside each code");
    let form = client.get(&links[0]).await.expect(200).has("Use a passkey").form("/confirm-password");
    let begun = options(&client, "/confirm-password/options").await.expect(200).json();
    let said = passkey.get(&begun);
    client.post("/confirm-password", &form.with(&[("confirm_passkey", &*said)])).await.to("/profile");
    let page = client.get("/profile").await.expect(200);
    assert!(page.attributes("[name=confirm_code]", "id").is_empty());
    client.post("/profile/password", &fields).await.to("/profile");
});
