//! Tests that nobody waits for other clients' passwords: they are judged, hashed and checked off the threads that serve pages, and
//! clients and purposes take turns.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::rt::task::JoinHandle;

use crate::support::{concurrent::send_form, operations, *};

/// Every character that stands for a letter in some spelling. zxcvbn alone takes seconds for five of these.
const MANY_SPELLINGS: &str = "4@8({[<369|!1/|0$5+7%2";

/// A password in decomposed form, which is checked twice.
const DECOMPOSED: &str = "ho\u{308}lle-anchor-93-maple";

/// So many forms at once; less than the queue holds.
const FLOOD: usize = 200;

/// How many answers there are so far with this status.
async fn answered(flood: &mut Vec<JoinHandle<Answer>>, status: u16) -> usize {
    let mut count = 0;
    for sent in flood.extract_if(.., |sent| sent.is_finished()) {
        count += usize::from(sent.await.unwrap().status == status);
    }
    count
}

/// Sends that many wrong passwords at once from another address of this machine; returns once some have been checked.
async fn flood_of_sign_ins(app: &TestApp) -> Vec<JoinHandle<Answer>> {
    let stranger = Rc::new(app.client().bound_to([127, 0, 0, 2]));
    let fields = [("email", "ada.lovelace@example.org"), ("password", "copper-lantern-17-orchid")];
    let mut flood: Vec<_> = (0..FLOOD).map(|_| send_form(&stranger, "/login", &fields)).collect();
    wait_for_first(&mut flood, 401).await;
    flood
}

/// Waits until one of them was answered with this status.
async fn wait_for_first(flood: &mut Vec<JoinHandle<Answer>>, status: u16) {
    while answered(flood, status).await == 0 {
        assert!(!flood.is_empty(), "none was answered with {status}");
        tokio::task::yield_now().await;
    }
}

/// Sends a form until it is carried out: while the machine is busy with other things, one check can take a second.
async fn post_until_checked(client: &Client, path: &str, fields: &[(&str, &str)]) {
    loop {
        let answer = client.post(path, fields).await;
        if answer.status != 503 {
            let _ = answer.to("/profile");
            return;
        }
    }
}

/// Asserts that a form is carried out before most of a flood is: first come, first served, it would wait for more than the second
/// after which it is refused. On a machine that is busy with other tests a single check can take that second too, so it is tried
/// again with another flood, from a browser without cookies; `{attempt}` in a field is another number then.
async fn assert_waits_for_no_flood(
    start: impl AsyncFn() -> Vec<JoinHandle<Answer>>,
    carried_out: u16,
    client: &Client,
    path: &str,
    fields: &[(&str, &str)],
) {
    for attempt in 0..60 {
        let mut flood = start().await;
        let fields: Vec<(&str, String)> = fields
            .iter()
            .map(|(name, value)| (*name, value.replace("{attempt}", &attempt.to_string())))
            .collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = client.copy().post(path, &fields).await;
        let before = answered(&mut flood, carried_out).await;
        for sent in flood {
            drop(sent.await);
        }
        if answer.status != 503 {
            let _ = answer.to("/profile");
            assert!(before < FLOOD / 2, "{path}: after {before} of {FLOOD}");
            return;
        }
    }
    panic!("{path}: it waited for most of each flood");
}

on_both_stacks!(sign_in_waits_for_no_other_client, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let fields = [("email", ada.email.as_str()), ("password", PASSWORD)];
    assert_waits_for_no_flood(async || flood_of_sign_ins(&app).await, 401, &app.client(), "/login", &fields)
        .await;
});

on_both_stacks!(registration_waits_for_no_sign_in, |stack| async {
    let app = TestApp::start(stack).await;
    let (_, _) = app.person("Ada Lovelace").await;
    // From the same address.
    let client = app.client().bound_to([127, 0, 0, 2]);
    let account = [("name", "Grace Hopper"), ("email", "grace{attempt}@example.org")];
    let new = [("password", PASSWORD), ("password_confirmation", PASSWORD)];
    let fields = [account, new].concat();
    assert_waits_for_no_flood(async || flood_of_sign_ins(&app).await, 401, &client, "/register", &fields)
        .await;
});

on_both_stacks!(sign_in_waits_for_no_registration, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let stranger = Rc::new(app.client());
    let count = Cell::new(0);
    let register = || {
        count.set(count.get() + 1);
        let email = format!("eve{}@example.org", count.get());
        let password = ("password", "copper-lantern-17-orchid");
        let again = ("password_confirmation", "copper-lantern-17-orchid");
        send_form(&stranger, "/register", &[("name", "Eve"), ("email", &email), password, again])
    };
    let flood = async || {
        let mut flood: Vec<_> = (0..FLOOD).map(|_| register()).collect();
        wait_for_first(&mut flood, 303).await;
        flood
    };
    let fields = [("email", ada.email.as_str()), ("password", PASSWORD)];
    assert_waits_for_no_flood(flood, 303, &app.client(), "/login", &fields).await;
});

on_both_stacks!(sign_in_that_waited_too_long_503, |stack| async {
    let app = TestApp::start(stack).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let stranger = Rc::new(app.client());
    let fields = [("email", "ada.lovelace@example.org"), ("password", DECOMPOSED)];
    let flood: Vec<_> = (0..250).map(|_| send_form(&stranger, "/login", &fields)).collect();
    let mut refused = 0;
    for sent in flood {
        let answer = sent.await.unwrap();
        if answer.status == 503 {
            assert_page(&answer);
            assert_eq!(answer.header("retry-after"), Some("1"));
            let _ = answer.has("Nothing was changed");
            refused += 1;
        } else {
            let _ = answer.expect(401);
        }
    }
    assert!(refused > 0, "all waited until they were checked");
    post_until_checked(&app.client(), "/login", &[("email", &ada.email), ("password", PASSWORD)]).await;
});

/// Sends the form four times at once, and asks for a page until all are answered. Returns the longest that the page took.
async fn longest_page_meanwhile(
    app: &TestApp,
    client: &Rc<Client>,
    path: &str,
    fields: &[(&str, &str)],
) -> (Vec<Answer>, Duration) {
    let sent: Vec<_> = (0..4).map(|_| send_form(client, path, fields)).collect();
    let (reader, mut longest) = (app.client(), Duration::ZERO);
    while !sent.iter().all(JoinHandle::is_finished) {
        let began = Instant::now();
        let _ = reader.get("/healthz").await.expect(200);
        longest = longest.max(began.elapsed());
    }
    let mut answers = Vec::new();
    for sent in sent {
        answers.push(sent.await.unwrap());
    }
    (answers, longest)
}

/// Asserts that four of these forms hold up no page, and that one of them is carried out.
async fn assert_holds_up_no_page(app: &TestApp, client: &Rc<Client>, path: &str, fields: &[(&str, &str)]) {
    let password = MANY_SPELLINGS.repeat(5);
    let new = [("password", password.as_str()), ("password_confirmation", &password)];
    let (answers, longest) = longest_page_meanwhile(app, client, path, &[fields, &new].concat()).await;
    assert!(longest < Duration::from_secs(4), "{path}: a page took {longest:?}");
    assert!(answers.iter().any(|answer| answer.status == 303), "{path}: {}", answers[0].summary());
}

on_both_stacks!(password_of_many_spellings_holds_up_no_page, |stack| async {
    let app = operations::builder(stack).not_set_up().start().await;
    let (_, token) = app.setup_link().unwrap().split_once("token=").unwrap();
    let account = |email: &'static str| [("name", "Ada Lovelace"), ("email", email)];
    let setup = [&account("grace@example.org")[..], &[("token", token)]].concat();
    assert_holds_up_no_page(&app, &Rc::new(app.client()), "/setup", &setup).await;
    let client = Rc::new(app.client());
    assert_holds_up_no_page(&app, &client, "/register", &account("ada@example.org")).await;
    let current = MANY_SPELLINGS.repeat(5);
    let change = [("current_password", current.as_str())];
    assert_holds_up_no_page(&app, &client, "/profile/password", &change).await;
    let id = app.user_id("ada@example.org");
    let token = operations::run(&client, "operator/issue-link", &[("id", &id)]).await;
    assert_holds_up_no_page(&app, &client, "/password/reset", &[("token", &token)]).await;
});
