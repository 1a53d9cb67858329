//! `/register`

use crate::support::*;

on_both_stacks!(a_new_account_is_signed_in, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let _ = client.get("/profile").await.expect(200).has(&ada.email).has("Your account is ready");
});
