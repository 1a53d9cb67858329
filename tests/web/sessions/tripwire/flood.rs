//! Keys that are presented again and again add no rows without bound, and what fails meanwhile changes no answer.

use super::copies::*;
use crate::support::*;

on_both_stacks!(flood_of_a_stolen_key_adds_few_rows, |stack| async {
    let app = builder(stack).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    let first = thief(&app, &old);
    for _ in 0..100 {
        is_refused(&first).await;
    }
    told(&app, 1).await;
    let before = app.written();
    for number in 0..100 {
        let same_program = copy(&app, &old, &[SESSION], ELSEWHERE).user_agent(&format!("curl/8.{number}"));
        is_refused(&same_program).await;
    }
    assert_eq!(app.written(), before, "another version is no other program");
    for number in 0..40 {
        is_refused(&copy(&app, &old, &[SESSION], [127, 0, 1, number])).await;
    }
    // Of a person no more than ten within an hour.
    assert!(app.event_count_of(USED) <= 10, "{}", app.event_count_of(USED));
});

on_both_stacks!(flood_of_a_stolen_key_hides_none_of_its_clients, |stack| async {
    let app = builder(stack).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    for number in 100..120 {
        let version = FIREFOX.replace("140", &number.to_string());
        let same_program = copy(&app, &old, &[SESSION], ELSEWHERE).user_agent(&version);
        same_program.get("/auth/verify").await.expect(401);
    }
    assert_eq!(app.event_count_of(USED), 0);
    is_refused(&thief(&app, &old)).await;
    told(&app, 1).await;
});

on_both_stacks!(flood_of_stolen_keys_adds_ten_events_of_a_person, |stack| async {
    let app = builder(stack).start().await;
    let (ada, client) = app.person("Ada Lovelace").await;
    for number in 0..15 {
        let old = client.copy();
        client.post("/logout", &[]).await.to("/");
        ada.sign_in(&client).await;
        is_refused(&copy(&app, &old, &[SESSION], [127, 0, 1, number])).await;
        told(&app, usize::from(number + 1).min(10)).await;
    }
    assert_eq!(app.event_count_of(USED), 10);
});

on_both_stacks!(stolen_key_is_answered_alike_when_nothing_can_be_recorded, |stack| async {
    let app = builder(stack).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    let thief = thief(&app, &old);
    app.take_table_away("events");
    is_refused(&thief).await;
    is_refused(&thief).await;
    app.put_table_back("events");
    assert_eq!(app.event_count_of(USED), 0);
    // It was not found out, so it is tried again.
    is_refused(&thief).await;
    told(&app, 1).await;
});

#[actix_web::test]
async fn stolen_key_is_answered_while_its_person_is_locked() {
    let app = builder(Stack::PostgresRedis).start().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    let held = app.lock_users();
    is_refused(&thief(&app, &old)).await;
    assert_eq!(app.event_count_of(USED), 0);
    held.commit();
    told(&app, 1).await;
}

#[actix_web::test]
async fn stolen_key_at_two_instances_is_told_once() {
    let app = builder(Stack::PostgresRedis).start().await;
    let other = app.second_instance().await;
    let (_, old) = signed_out(&app, "Ada Lovelace").await;
    let thief = thief(&app, &old);
    is_refused(&thief).await;
    told(&app, 1).await;
    is_refused(&thief.at(&other)).await;
    is_refused(&thief.at(&other)).await;
    assert_eq!(app.event_count_of(USED), 1);
}
