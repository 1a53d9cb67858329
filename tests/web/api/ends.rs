//! Tests `/auth/verify/stream`, which tells services of ended sessions.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use reqwest::Method;

use crate::support::{
    calls::is_call,
    ends,
    gate_key::{PATH, Service},
    outage, *,
};

on_both_stacks!(ends_stream_needs_key, |stack| async {
    let (new, old) = (random_secret(), random_secret());
    let mut app = TestApp::start(stack).await;
    let (ada, signed_in) = app.person("Ada Lovelace").await;
    let client = app.client();
    client.with_token(Method::GET, PATH, &new).send().await.problem(404);
    app.restart_with(&[("GATE_KEY", &format!("{new},{old}"))]).await;
    let with = |key: &str| client.with_token(Method::GET, PATH, key);
    for key in [&new, &old] {
        let answer = with(key).header("host", "gatehouse.internal:3000").send().await.expect(200);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-accel-buffering"), Some("no"));
        assert_eq!(answer.set_cookies(), []);
    }
    client.with_token(Method::HEAD, PATH, &new).send().await.expect(200);
    signed_in.with_token(Method::GET, PATH, &new).send().await.expect(200);

    assert!(is_call(PATH));
    let answer = signed_in.get(PATH).await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"gatehouse\""));
    let text = "Send a key of GATE_KEY as Authorization: Bearer.";
    assert_eq!(answer.problem(401)["detail"], text);
    let token = ada.take_token(&app).await;
    for wrong in [&new[1..], &format!("{new}0"), &format!("{new},{old}"), &token, ""] {
        let answer = with(wrong).send().await;
        let challenge = "Bearer realm=\"gatehouse\", error=\"invalid_token\"";
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{wrong}");
        answer.problem(401);
    }
    with(&new).header("authorization", &format!("Basic {new}")).send().await.problem(401);
    client.with_token(Method::POST, PATH, &new).send().await.problem(405);

    // A key that was taken away is of no use from the next start on, and the stream that it has opened is closed.
    let service = Service::of(&app, &old);
    let open = service.open().await;
    app.restart_with(&[("GATE_KEY", &new)]).await;
    open.end().await;
    with(&old).send().await.problem(401);
    with(&new).send().await.expect(200);
});

on_both_stacks!(ends_stream_tells_of_every_end, |stack| async {
    let (app, service) = Service::start(ends::builder(stack)).await;
    let mut stream = service.open().await;
    let (_, admin) = app.admin("Grace Hopper").await;
    ends::in_every_way(&app, &admin).await;

    let ids = app.sessions_of_events("session_ended");
    let details = app.details_of_events("session_ended");
    let users = app.event_users("session_ended");
    let told = stream.ends(ids.len()).await;
    let mut reasons = BTreeSet::new();
    for (((end, id), detail), user) in told.iter().zip(&ids).zip(&details).zip(&users) {
        assert_eq!(end.as_object().unwrap().len(), 4, "{end}");
        assert_eq!(end["session_id"], id.as_str());
        assert_eq!(end["reason"], detail.split(':').next().unwrap());
        assert_eq!(Some(end["user_id"].to_string()), user[0]);
        assert!(end["at"].as_str().unwrap().ends_with('Z'), "{end}");
        reasons.insert(end["reason"].as_str().unwrap());
    }
    let all = [
        "absolute",
        "ended_by_admin",
        "ended_by_user",
        "idle",
        "limit",
        "logout",
        "missing",
        "password_changed",
        "replaced",
        "user_deactivated",
    ];
    assert_eq!(reasons.into_iter().collect::<Vec<_>>(), all);
});

on_both_stacks!(ends_stream_goes_on_where_it_was_lost, |stack| async {
    let (one, service) = Service::start(TestApp::builder(stack)).await;
    let two = one.second_instance().await;
    let (ada, first) = one.person("Ada Lovelace").await;
    let mut sessions = vec![(one.session_of(&ada), first)];
    for _ in 0..5 {
        let client = one.client();
        ada.sign_in(&client).await;
        sessions.push((one.newest_session_of(&ada), client));
    }
    let ids: Vec<&str> = sessions.iter().map(|(id, _)| id.as_str()).collect();
    let end = async |number: usize, app: &TestApp| {
        sessions[number].1.at(app).post("/logout", &[]).await.to("/");
    };
    let mut stream = service.open().await;
    let beginning = stream.last_id().to_owned();
    end(0, &one).await;
    stream.ended(&ids[..1]).await;
    let last = stream.last_id().to_owned();
    drop(stream);
    for number in 1..4 {
        end(number, if number == 2 { &one } else { &two }).await;
    }
    let mut stream = service.at(&two).resume(&last).await;
    stream.ended(&ids[1..4]).await;
    end(4, &one).await;
    stream.ended(&ids[4..5]).await;
    let last = stream.last_id().to_owned();
    drop(stream);
    // Whoever saw nothing but the beginning, or comes back more than once, misses nothing either.
    service.resume(&beginning).await.ended(&ids[..5]).await;
    let mut stream = service.resume(&last).await;
    end(5, &two).await;
    stream.wait_for("ended", |end| end["session_id"] == ids[5]).await;
});

#[actix_web::test]
async fn ends_stream_tells_of_ends_that_commit_late() {
    let (app, service) = Service::start(TestApp::builder(Stack::PostgresRedis)).await;
    let mut sessions = Vec::new();
    for number in 0..8 {
        let (person, client) = app.person(&format!("Person {number}")).await;
        sessions.push((app.session_of(&person), client));
    }
    let ids: Vec<&str> = sessions.iter().map(|(id, _)| id.as_str()).collect();
    let sign_out = async |number: usize| sessions[number].1.post("/logout", &[]).await.to("/");
    let mut stream = service.open().await;
    // The second one to begin is the first to have a number in the log, and the last to commit.
    let (mut quick, mut late) = (app.transaction(), app.transaction());
    quick.end_session(ids[0]);
    late.end_session(ids[1]);
    late.log_end(ids[1]);
    quick.log_end(ids[0]);
    quick.commit();
    stream.ended(&ids[..1]).await;
    for number in 2..6 {
        sign_out(number).await;
        stream.ended(&ids[number..=number]).await;
    }
    let last = stream.last_id().to_owned();
    let mut resumed = service.resume(&last).await;
    let begun_meanwhile = EventStream::open(service.request()).await;
    late.commit();
    let is_late = |end: &serde_json::Value| end["session_id"] == ids[1];
    stream.wait_for("ended", is_late).await;
    resumed.wait_for("ended", is_late).await;
    service.resume(&last).await.wait_for("ended", is_late).await;
    let mut begun_meanwhile = begun_meanwhile;
    begun_meanwhile.wait_for("ended", is_late).await;
    sign_out(6).await;
    stream.ended(&ids[6..7]).await;
    sign_out(7).await;
    stream.ended(&ids[7..]).await;
}

on_both_stacks!(ends_stream_resets_whom_it_can_not_serve, |stack| async {
    let (app, service) = Service::start(TestApp::builder(stack)).await;
    let (_, client) = app.person("Ada Lovelace").await;
    client.post("/logout", &[]).await.to("/");
    let (_, client) = app.person("Bob Kahn").await;
    let id = own_session_id(&client).await;
    let known = service.open().await.last_id().to_owned();
    let [settled, last, at] = known.split('-').collect::<Vec<_>>()[..] else { panic!("{known}") };
    let (later, other): (i64, i64) = (last.parse::<i64>().unwrap() + 100, at.parse::<i64>().unwrap() + 1);
    let unknown = [
        "x".to_owned(),
        "7".to_owned(),
        format!("{known}-1"),
        format!("{settled}-{later}-{at}"),
        format!("{settled}-{last}-{other}"),
        format!("{later}-{last}-{at}"),
        "9".repeat(5_000),
        "\u{e9}".to_owned(),
        format!("{known}\u{e9}"),
    ];
    let mut streams = Vec::new();
    for unknown in unknown {
        let mut stream = service.resume(&unknown).await;
        let text = stream.any("reset").await["detail"].as_str().unwrap().to_owned();
        assert!(text.contains("Close all connections"), "{text}");
        streams.push(stream);
    }
    streams.push(EventStream::open(service.request().header("last-event-id", "")).await);
    assert_eq!(streams.last_mut().unwrap().any("ready").await.as_object().unwrap().len(), 1);
    client.post("/logout", &[]).await.to("/");
    for mut stream in streams {
        let beginning = stream.last_id().to_owned();
        stream.ended(&[&id]).await;
        service.resume(&beginning).await.wait_for("ended", |end| end["session_id"] == id).await;
    }

    // Older than what is kept.
    let last = service.open().await.last_id().to_owned();
    let brief = app.instance_with(&[("EVENT_HISTORY", "1s")]).await;
    eventually(|| async { app.event_count() == 0 }).await;
    let mut stream = service.at(&brief).resume(&last).await;
    stream.any("reset").await;
    assert_eq!(stream.last_id(), "0-0-0");
    service.resume("0-0-0").await;
});

on_all_backends!(ends_stream_tells_on_every_instance, |backend| async {
    let (one, service) = Service::start(TestApp::builder_on(backend)).await;
    let two = one.second_instance().await;
    let (ada, _) = one.person("Ada Lovelace").await;
    let (mut here, mut there) = (service.open().await, service.at(&two).open().await);
    let start = Instant::now();
    for number in 0..6 {
        let client = one.client();
        ada.sign_in(&client).await;
        let id = one.newest_session_of(&ada);
        client.at(if number % 2 == 0 { &one } else { &two }).post("/logout", &[]).await.to("/");
        here.ended(&[&id]).await;
        there.ended(&[&id]).await;
    }
    // Without messages, the log is read every two seconds.
    let took = start.elapsed();
    assert!(backend == Backend::Sqlite || took < Duration::from_secs(8), "{took:?}");
});

on_both_stacks!(ends_stream_that_nobody_reads_holds_up_nobody, |stack| async {
    const ENDS: usize = 20_000;
    let (app, service) = Service::start(TestApp::builder(stack)).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let (id, user) = (app.session_of(&ada), app.user_id(&ada));
    let (mut slow, mut quick) = (service.open().await, service.open().await);
    app.insert_events(&vec![
        ("2026-01-01 00:00:00", "session_ended", Some(user.as_str()), Some("idle"));
        ENDS
    ]);
    client.post("/logout", &[]).await.to("/");
    for stream in [&mut quick, &mut slow] {
        let ends = stream.ends(ENDS).await;
        assert!(ends.iter().all(|end| end["reason"] == "idle" && end["session_id"] == ""));
        stream.ended(&[&id]).await;
    }
});

#[actix_web::test]
async fn ends_stream_closes_when_log_can_not_be_read() {
    let (app, service) = Service::start(outage::builder().through_proxies()).await;
    eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let id = app.session_of(&ada);
    let stream = service.open().await;
    let last = stream.last_id().to_owned();
    app.postgres_proxy().set(ProxyMode::Blackhole);
    stream.end().await;
    let answer = service.request().header("last-event-id", &last).send().await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    answer.problem(503);
    app.postgres_proxy().set(ProxyMode::Pass);
    eventually(|| async { client.get("/readyz").await.status == 200 }).await;
    client.post("/logout", &[]).await.to("/");
    service.resume(&last).await.ended(&[&id]).await;
}

#[actix_web::test]
async fn ends_stream_stays_open_while_nothing_ends() {
    let (_app, service) = Service::start(TestApp::builder(Stack::Sqlite)).await;
    let mut stream = service.open().await;
    // The first one comes at once.
    stream.comment().await;
    stream.comment().await;
}

#[actix_web::test]
async fn gate_key_that_can_be_guessed_stops_the_start() {
    let started = TestApp::builder(Stack::Sqlite).var("GATE_KEY", "let-me-in").try_start().await;
    let mistake = started.err().unwrap();
    assert!(mistake.contains("GATE_KEY: key 1 has 9 bytes (not shown)"), "{mistake}");
    assert!(!mistake.contains("let-me-in"), "{mistake}");
}
