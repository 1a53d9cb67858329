//! Tests `/sessions`, the list of a user's own sessions.

use crate::support::*;

const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
    Version/17.5 Mobile/15E148 Safari/604.1";

/// The form actions that end a session, in the order of the list.
fn end_actions(page: &Answer) -> Vec<String> {
    let actions = page.attributes("li.session form", "action");
    actions.into_iter().filter(|action| action.starts_with("/sessions/")).collect()
}

on_both_stacks!(my_sessions_lists_this_device_first_with_details, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let page = client.get("/sessions").await.expect(200).has("only device where you are signed in");
    assert_page(&page);
    let phone = app.client().user_agent(SAFARI).bound_to([127, 0, 0, 9]);
    ada.sign_in_remembered(&phone).await;
    app.person("Grace Hopper").await;

    for (asking, first, second) in
        [(&client, "Firefox 140 on Linux", "Safari"), (&phone, "Safari", "Firefox 140")]
    {
        let page = asking.get("/sessions").await.expect(200).lacks("only device");
        assert_page(&page);
        let cards = page.texts("li.session");
        assert_eq!(cards.len(), 2, "{cards:?}");
        assert!(cards[0].starts_with(first) && cards[0].contains("This device"), "{cards:?}");
        assert!(cards[1].starts_with(second) && !cards[1].contains("This device"), "{cards:?}");
        for card in &cards {
            assert!(card.contains("Signed in") && card.contains("Ends in"), "{card}");
        }
    }
    let cards = client.get("/sessions").await.texts("li.session");
    assert!(cards[0].contains("127.0.0.1") && cards[0].contains("active now"), "{cards:?}");
    assert!(cards[1].contains("127.0.0.9") && cards[1].contains("Remembered"), "{cards:?}");
});

on_both_stacks!(my_sessions_end_one_keeps_others, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (second, third) = (app.client().user_agent(SAFARI), app.client());
    ada.sign_in(&second).await;
    ada.sign_in(&third).await;
    let page = client.get("/sessions").await.expect(200);
    let safari = page.texts("li.session").iter().position(|card| card.starts_with("Safari")).unwrap();
    let end = &end_actions(&page)[safari - 1];
    client.post(end, &[]).await.to("/sessions");
    let page = client.get("/sessions").await.has("The session was ended.");
    assert_eq!(page.texts("li.session").len(), 2);
    second.get("/sessions").await.to("/login?next=%2Fsessions");
    second.post("/profile", &[("name", "Thief")]).await.expect(401);
    third.get("/sessions").await.expect(200);
    client.post(end, &[]).await.to("/sessions");
    client.get("/sessions").await.has("had ended already");
    assert_eq!(app.end_reasons(), ["ended_by_user"]);
});

on_both_stacks!(my_sessions_end_others_keeps_current, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (_, bystander) = app.person("Grace Hopper").await;
    let (second, third) = (app.client(), app.client());
    ada.sign_in(&second).await;
    ada.sign_in_remembered(&third).await;
    client.post("/sessions/end-others", &[]).await.to("/sessions");
    let page = client.get("/sessions").await.expect(200).has("2 other sessions were ended.");
    assert_eq!(page.texts("li.session").len(), 1);
    for ended_client in [&second, &third] {
        ended_client.get("/profile").await.to("/login?next=%2Fprofile");
    }
    bystander.get("/profile").await.expect(200);
    client.post("/sessions/end-others", &[]).await.to("/sessions");
    client.get("/sessions").await.has("no other session");
});

on_both_stacks!(my_sessions_end_of_other_users_session_404, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = app.session_of(&ada);
    let (_, admin) = app.admin("Grace Hopper").await;
    let (_, user) = app.person("Eve Moneypenny").await;
    let unknown = user.post("/sessions/aaaaaaaaaaaaaaaaaaaaaa/end", &[]).await.expect(404);
    for other in [&user, &admin] {
        let page = other.post(&format!("/sessions/{id}/end"), &[]).await.expect(404);
        assert_page(&page);
    }
    let page = user.post(&format!("/sessions/{id}/end"), &[]).await.expect(404);
    assert_eq!(
        page.body_without_id(),
        unknown.body_without_id(),
        "the response differs from that for an unknown id"
    );
    client.get("/profile").await.expect(200);
});

on_both_stacks!(my_sessions_end_current_is_logout, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let copy = client.copy();
    let id = app.session_of(&ada);
    client.post(&format!("/sessions/{id}/end"), &[]).await.to("/");
    client.get("/").await.expect(200).has("You are signed out.");
    assert_eq!(client.cookie("gatehouse"), None);
    copy.get("/profile").await.to("/login?next=%2Fprofile");
    assert_eq!(app.end_reason(&id).as_deref(), Some("logout"));
});

#[actix_web::test]
async fn my_sessions_drops_session_missing_in_store() {
    let app = TestApp::start(Stack::PostgresRedis).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let kept = app.redis().keys();
    let other = app.client();
    ada.sign_in(&other).await;
    let lost = app.redis().keys().into_iter().find(|key| !kept.contains(key)).unwrap();
    assert!(app.redis().del(&lost));
    assert_eq!(client.get("/sessions").await.expect(200).texts("li.session").len(), 1);
    other.get("/profile").await.to("/login?next=%2Fprofile");
    assert_eq!(app.end_reasons(), ["missing"]);
}
