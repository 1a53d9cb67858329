//! Property test: whatever is done to what an authenticator says, each way in answers with one clear refusal, starts no session and
//! stores nothing. Then bodies that are no answers at all, and messages for another purpose or sent once more.

use actix_web::rt::{System, SystemRunner};
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{
    damage::{Damage, damage},
    passkey::{SoftPasskey, options},
    *,
};

const SIGN_IN: &str = "/login/passkey";
const STEP: &str = "/login/verify";
const CONFIRM: &str = "/confirm-password";
const ADD: &str = "/security/passkeys";
const WAYS: [&str; 4] = [SIGN_IN, STEP, CONFIRM, ADD];

/// What a use of a passkey consists of, and what its making does.
const USE: [&str; 6] = [
    "/ceremony",
    "/credential/rawId",
    "/credential/response/clientDataJSON",
    "/credential/response/authenticatorData",
    "/credential/response/signature",
    "/credential/response/userHandle",
];
const MADE: [&str; 4] = [
    "/ceremony",
    "/credential/rawId",
    "/credential/response/clientDataJSON",
    "/credential/response/attestationObject",
];

/// A site, and people who can take each way.
struct World {
    app: TestApp,
    ada: Person,
    passkey: SoftPasskey,
    /// Somebody else, who adds passkeys.
    other: SoftPasskey,
    /// Of the four ways.
    clients: [Client; 4],
}

impl World {
    async fn new(stack: Stack) -> Self {
        let app = TestApp::start(stack).await;
        let (ada, own) = app.person("Ada Lovelace").await;
        let (passkey, _) = SoftPasskey::added(&app, &own, "Laptop").await;
        let (_, eve) = app.person("Eve Moneypenny").await;
        let (other, _) = SoftPasskey::added(&app, &eve, "Other").await;
        let mut world = Self { clients: [app.client(), app.client(), own, eve], app, ada, passkey, other };
        world.open_step().await;
        world
    }

    async fn open_step(&mut self) {
        self.clients[1] = self.app.client();
        self.ada.give_password(&self.clients[1]).await;
    }

    /// Begins one of the ways.
    async fn begin(&self, way: usize) -> Value {
        options(&self.clients[way], &format!("{}/options", WAYS[way])).await.expect(200).json()
    }

    /// What an authenticator says to it.
    fn said(&mut self, begun: &Value, way: usize) -> Value {
        let text = if WAYS[way] == ADD {
            let handle = begun["publicKey"]["user"]["id"].as_str().map_or(json!("AAAA"), |id| json!(id));
            let mut begun = begun.clone();
            begun["publicKey"]["user"]["id"] = handle;
            SoftPasskey::new(&self.app).create(&begun)
        } else {
            self.passkey.get(begun)
        };
        serde_json::from_str(&text).unwrap()
    }

    /// Completes it.
    async fn finish(&self, way: usize, said: &Value) -> Answer {
        self.send(way, &said.to_string()).await
    }

    async fn send(&self, way: usize, text: &str) -> Answer {
        let client = &self.clients[way];
        match WAYS[way] {
            SIGN_IN => client.call(Method::POST, SIGN_IN).body("application/json", text).send().await,
            CONFIRM => client.post(CONFIRM, &[("confirm_passkey", text)]).await,
            STEP => client.post(STEP, &[("passkey", text)]).await,
            path => client.post(path, &[("name", "made"), ("passkey", text)]).await,
        }
    }

    /// All that an accepted answer would change.
    fn stored(&self) -> (usize, Vec<Vec<Option<String>>>, String) {
        let passkeys =
            self.app.query_text("SELECT id, name, sign_count, last_used_at FROM passkeys ORDER BY id");
        let used = self.app.query_text("SELECT count(*) FROM used_ceremonies")[0][0].clone().unwrap();
        (self.app.active_session_ids().len(), passkeys, used)
    }

    async fn check(&mut self, way: usize, damage: &Damage) {
        let begun = self.begin(way).await;
        let mut said = self.said(&begun, way);
        let field = damage.apply(&mut said, if WAYS[way] == ADD { &MADE } else { &USE });
        let before = self.stored();
        let answer = self.finish(way, &said).await;
        if is_as_before(&said, &begun, way, field) && answer.status < 400 {
            // What can't be told from an answer of some authenticator was taken for one.
            self.app.run_script("DELETE FROM passkeys WHERE name = 'made'");
            if WAYS[way] == STEP {
                self.open_step().await;
            }
            return;
        }
        assert_refused(&answer, way);
        assert_eq!(self.stored(), before, "{}", answer.summary());
        if way < 2 {
            assert!(self.clients[way].cookie(COOKIE).is_none(), "{}", answer.summary());
        }
    }
}

/// Whether nothing was damaged that is signed: of a new passkey nothing is (attestation "none"), and where it was said which passkeys are
/// asked for, an authenticator may leave out whose they are.
fn is_as_before(said: &Value, begun: &Value, way: usize, field: &str) -> bool {
    let bytes = |field: &str| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let text = said.pointer(field).and_then(Value::as_str).unwrap_or_default();
        URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
    };
    match (WAYS[way], field) {
        (STEP | CONFIRM, "/credential/response/userHandle") => said.pointer(field).is_none_or(Value::is_null),
        (ADD, "/ceremony") => false,
        (ADD, _) => {
            let client: Value = serde_json::from_slice(&bytes(MADE[2])).unwrap_or_default();
            let (object, host) = (bytes(MADE[3]), Sha256::digest("localhost"));
            client["challenge"] == begun["publicKey"]["challenge"]
                && client["type"] == "webauthn.create"
                && client["origin"].as_str().is_some_and(|origin| origin.starts_with("http://localhost:"))
                && object.windows(33).any(|part| part[..32] == host[..] && part[32] & 0x45 == 0x45)
        }
        _ => false,
    }
}

/// Asserts one clear refusal: a problem of the script's call, a page of a form.
#[track_caller]
fn assert_refused(answer: &Answer, way: usize) {
    let statuses: &[u16] = match WAYS[way] {
        SIGN_IN => &[400, 401],
        STEP => &[401, 422],
        _ => &[422],
    };
    assert!(statuses.contains(&answer.status), "{}", answer.summary());
    if WAYS[way] == SIGN_IN {
        answer.problem(answer.status);
    } else {
        assert_page(answer);
    }
}

fn check_on(stack: Stack) {
    let system: SystemRunner = System::new();
    let world = std::cell::RefCell::new(system.block_on(World::new(stack)));
    let config = Config { cases: 250, max_shrink_iters: 100, failure_persistence: None, ..Config::default() };
    let held = TestRunner::new(config).run(&(0..WAYS.len(), damage()), |(way, damage)| {
        system.block_on(world.borrow_mut().check(way, &damage));
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
    // The site is none the worse for it.
    let mut world = world.into_inner();
    system.block_on(async {
        for way in 0..WAYS.len() {
            let begun = world.begin(way).await;
            let said = world.said(&begun, way);
            let answer = world.finish(way, &said).await;
            assert!(matches!(answer.status, 200 | 303), "{}", answer.summary());
        }
    });
}

#[test]
fn passkey_answers_that_are_damaged_are_refused_sqlite() {
    check_on(Stack::Sqlite);
}

#[test]
fn passkey_answers_that_are_damaged_are_refused_postgres_redis() {
    check_on(Stack::PostgresRedis);
}

on_both_stacks!(passkey_of_a_framed_page_or_with_more_than_its_data_is_refused, |stack| async {
    type Lie = fn(&mut SoftPasskey);
    let lies: [Lie; 4] = [
        |key| key.embedding = json!({ "crossOrigin": true }),
        |key| key.embedding = json!({ "crossOrigin": true, "topOrigin": "https://evil.example" }),
        |key| key.embedding = json!({ "topOrigin": "https://evil.example" }),
        |key| key.behind = vec![0xa0],
    ];
    let mut world = World::new(stack).await;
    for (number, lie) in lies.into_iter().enumerate() {
        let before = world.stored();
        for (way, name) in WAYS.into_iter().enumerate() {
            let begun = world.begin(way).await;
            let mut liar = if name == ADD { SoftPasskey::new(&world.app) } else { world.passkey.clone() };
            lie(&mut liar);
            let said = if name == ADD { liar.create(&begun) } else { liar.get(&begun) };
            println!("lie {number}, {name}");
            assert_refused(&world.send(way, &said).await, way);
        }
        assert_eq!(world.stored(), before, "lie {number}");
        for kind in ["sign_in_failed", "second_step_failed", "confirmation_failed"] {
            assert_eq!(world.app.event_count_of(kind), number + 1, "each is counted: {kind}");
        }
    }
    // And of a new one, bytes behind all of it, another member, and a statement where there is none.
    for change in [
        |object: &mut Vec<u8>| object.push(0),
        |object: &mut Vec<u8>| {
            object[0] += 1;
            object.extend(b"\x61x\x00");
        },
        |object: &mut Vec<u8>| {
            let at = object.windows(8).position(|part| part == b"attStmt\xa0").unwrap() + 7;
            object.splice(at..=at, *b"\xa1\x61x\x00");
        },
    ] {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let begun = world.begin(3).await;
        let mut said = world.said(&begun, 3);
        let place = said.pointer_mut(MADE[3]).unwrap();
        let mut object = URL_SAFE_NO_PAD.decode(place.as_str().unwrap()).unwrap();
        change(&mut object);
        *place = json!(crate::support::passkey::base64url(object));
        assert_refused(&world.finish(3, &said).await, 3);
    }
    let begun = world.begin(3).await;
    let said = world.said(&begun, 3);
    world.finish(3, &said).await.to("/security");
});

on_both_stacks!(passkey_bodies_that_are_no_answers_are_refused, |stack| async {
    let mut world = World::new(stack).await;
    let before = world.stored();
    let begun = world.begin(0).await;
    let whole = world.said(&begun, 0).to_string();
    let deep = format!(r#"{{"ceremony":"x","credential":{}{}}}"#, "[".repeat(9_000), "]".repeat(9_000));
    for text in
        ["", "x", "{", "[]", "null", "7", "\"x\"", &whole[1..], &whole[..whole.len() - 1], &deep, "{}{}"]
    {
        for way in 0..WAYS.len() {
            let answer = world.send(way, text).await;
            assert_refused(&answer, way);
        }
    }
    for (kind, body, status) in [
        ("application/json", "\u{e4}".repeat(40_000).into_bytes(), 413),
        ("application/json", vec![0xff; 100], 400),
        ("application/cbor", vec![0xa0], 415),
        ("text/plain", whole.clone().into_bytes(), 415),
        ("application/x-www-form-urlencoded", b"ceremony=x&credential=y".to_vec(), 400),
    ] {
        let call = world.clients[0].call(Method::POST, SIGN_IN);
        call.body(kind, body).send().await.problem(status);
    }
    let long = "A".repeat(70_000);
    for (way, field) in [(1, "passkey"), (2, "confirm_passkey"), (3, "passkey")] {
        assert_page(&world.clients[way].post(WAYS[way], &[(field, &*long)]).await.expect(413));
    }
    assert_eq!(world.stored(), before);
    world.send(0, &whole).await.expect(200);
});

on_both_stacks!(passkey_ceremony_is_good_for_its_purpose_and_once, |stack| async {
    let mut world = World::new(stack).await;
    for (begun_as, name) in WAYS.into_iter().enumerate() {
        let begun = world.begin(begun_as).await;
        for way in (0..WAYS.len()).filter(|way| *way != begun_as) {
            let (before, said) = (world.stored(), world.said(&begun, way));
            assert_refused(&world.finish(way, &said).await, way);
            assert_eq!(world.stored(), before, "{name} is none of {}", WAYS[way]);
        }
        // Messages in the wrong order: what was said of one ceremony in another of the same purpose.
        let second = world.begin(begun_as).await;
        let mut mixed = world.said(&begun, begun_as);
        mixed["ceremony"] = second["ceremony"].clone();
        assert_refused(&world.finish(begun_as, &mixed).await, begun_as);
    }
    // Somebody else's ceremony and passkey, in the same way.
    for way in [1, 2] {
        let begun = world.begin(way).await;
        let foreign = serde_json::from_str(&world.other.get(&begun)).unwrap();
        assert_refused(&world.finish(way, &foreign).await, way);
    }
    // The second step comes last: it closes when a passkey is added, and it is of the session's user.
    for way in [0, 2, 3] {
        let begun = world.begin(way).await;
        let mut said = world.said(&begun, way);
        let answer = world.finish(way, &said).await;
        assert!(matches!(answer.status, 200 | 303), "{}", answer.summary());
        world.clients[0] = world.app.client();
        let after = world.stored();
        assert_refused(&world.finish(way, &said).await, way);
        // Nor written in another way.
        let other = begun["ceremony"].as_str().unwrap().replace('-', "+").replace('_', "/");
        said["ceremony"] = json!(other);
        assert_refused(&world.finish(way, &said).await, way);
        assert_eq!(world.stored(), after, "{}", WAYS[way]);
    }
    let begun = world.begin(1).await;
    let said = world.said(&begun, 1);
    let copy = world.clients[1].copy();
    world.finish(1, &said).await.to("/profile");
    copy.post(STEP, &[("passkey", &*said.to_string())]).await.to("/login");
    assert!(copy.cookie(COOKIE).is_none());
});
