//! Tests that kill -9 at any moment leaves no operation half done.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use actix_web::rt::{spawn, task::JoinHandle};
use tokio::sync::Mutex;

use crate::support::*;

const KILLS: usize = 8;
const WORKERS: usize = 4;
const OTHER_PASSWORD: &str = "copper-lantern-58-birch";

/// A user whose requests may have been cut off, and what the client knows afterwards.
struct TrackedUser {
    person: Person,
    /// The registration got its response, so the account must exist.
    registered: bool,
    /// Browsers that may have got a session; the one that changed the password holds the rotated key.
    browsers: Vec<Client>,
}

#[derive(Default)]
struct Log {
    tracked_users: Mutex<Vec<TrackedUser>>,
    /// Number of registrations and sign-ins whose response set a session.
    signed_in: AtomicUsize,
    stop: AtomicBool,
}

type Fields<'a> = &'a [(&'a str, &'a str)];

/// Registers, signs in with a second client, changes the password and signs out, in a loop that ignores failures.
async fn work(log: Arc<Log>, clients: impl Fn() -> Client, number: usize) {
    let mut round = 0;
    while !log.stop.load(SeqCst) {
        round += 1;
        let person = Person::new(&format!("Worker {number} Round {round}"));
        let (first, second) = (clients(), clients());
        let (email, password) = (person.email.as_str(), person.password.as_str());
        let register = [
            ("name", person.name.as_str()),
            ("email", email),
            ("password", password),
            ("password_confirmation", password),
        ];
        let change = [
            ("current_password", password),
            ("password", OTHER_PASSWORD),
            ("password_confirmation", OTHER_PASSWORD),
        ];
        let steps: [(&Client, &str, Fields<'_>); 4] = [
            (&first, "/register", &register),
            (&second, "/login", &[("email", email), ("password", password)]),
            (&first, "/profile/password", &change),
            (&second, "/logout", &[]),
        ];
        let mut registered = false;
        for (client, path, fields) in steps {
            if let Ok(answer) = client.request(reqwest::Method::POST, path).form(fields).try_send().await {
                let signed_in = answer.status == 303 && ["/register", "/login"].contains(&path);
                registered |= signed_in && path == "/register";
                log.signed_in.fetch_add(usize::from(signed_in), SeqCst);
            }
        }
        log.tracked_users.lock().await.push(TrackedUser {
            person,
            registered,
            browsers: vec![first, second],
        });
    }
}

on_both_stacks!(kill_nine_leaves_consistent_state, |stack| async {
    let mut program = TestApp::builder(stack).start_program();
    let log = Arc::<Log>::default();
    // Copies of this client follow the program's address, which may change with a restart.
    let prototype = Arc::new(program.client());
    let workers: Vec<JoinHandle<()>> = (0..WORKERS)
        .map(|number| {
            let prototype = prototype.clone();
            spawn(work(log.clone(), move || prototype.copy(), number))
        })
        .collect();
    for kill in 0..KILLS {
        // A different number each time, so that each kill interrupts different requests. Refusals do not count: after a
        // registration that was cut off they come at once, and the next kill would follow with no work in between.
        let goal = log.signed_in.load(SeqCst) + 2 + kill % 4;
        eventually(|| async { log.signed_in.load(SeqCst) >= goal }).await;
        program.kill();
        program.restart();
    }
    log.stop.store(true, SeqCst);
    for worker in workers {
        worker.await.unwrap();
    }
    eventually(|| async { program.client().get("/readyz").await.status == 200 }).await;

    assert_verify_finds_expected_only(&program);
    program.assert_nothing_half_done();
    let tracked_users = std::mem::take(&mut *log.tracked_users.lock().await);
    let (mut accounts, mut working) = (0, 0);
    for user in &tracked_users {
        let exists = signs_in_if_exists(&program, &user.person).await;
        assert!(exists || !user.registered, "{} was registered and no longer exists", user.person.email);
        accounts += usize::from(exists);
        for browser in &user.browsers {
            working += usize::from(works_and_is_listed(browser).await);
        }
    }
    assert!(accounts >= KILLS && working > 0, "{accounts} accounts, {working} sessions");
    eprintln!("{} users, {accounts} accounts, {working} sessions that work", tracked_users.len());
});

/// Asserts that `sessions verify` reports only interrupted sign-ins and store entries of keys that no client got, and
/// that `--repair` corrects them.
fn assert_verify_finds_expected_only(program: &Program) {
    let found = program.command(&["sessions", "verify"], "").stdout;
    let expected = [
        "compared.",
        "They agree.",
        "sign-in that was cut off before its session was stored",
        "store entry without a session",
    ];
    for line in found.lines() {
        assert!(expected.iter().any(|known| line.contains(known)), "{line}\nin {found}");
    }
    let repaired = program.command(&["sessions", "verify", "--repair"], "");
    assert!(repaired.status.success(), "{repaired:?}");
    let again = program.command(&["sessions", "verify"], "");
    assert!(again.status.success() && again.stdout.contains("They agree."), "{again:?}");
}

/// Returns whether the account exists, and asserts that exactly one of the passwords signs in if it does.
async fn signs_in_if_exists(program: &Program, person: &Person) -> bool {
    let exists = program.users().iter().any(|user| user[1] == person.email);
    let mut right = Vec::new();
    for password in [person.password.as_str(), OTHER_PASSWORD] {
        let fields = [("email", person.email.as_str()), ("password", password)];
        match program.client().post("/login", &fields).await.status {
            303 => right.push(password),
            status => assert_eq!(status, 401),
        }
    }
    assert_eq!(right.len(), usize::from(exists), "{}: {right:?}", person.email);
    right.len() == 1
}

async fn works_and_is_listed(browser: &Client) -> bool {
    let page = browser.get("/sessions").await;
    if page.status == 200 {
        page.has("This device");
        return true;
    }
    page.to("/login?next=%2Fsessions");
    false
}
