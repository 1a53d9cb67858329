//! Property test: whatever the order of requests, changes of the role and hours that pass, a session lives as long as the rule says:
//! by the role as it is, from the next request on; and no longer than that role may, from the sign-in on.

use actix_web::rt::System;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::support::{
    test_routes::{builder, session_id},
    *,
};

/// Lifetimes in minutes. Time passes in steps of five, so that no use is near an end: the catalogue may be a minute late.
const IDLE: i64 = 24 * 60 + 2;
const REMEMBERED: i64 = 30 * IDLE;
const ABSOLUTE: i64 = 90 * 24 * 60 + 2;
const ADMIN_IDLE: i64 = 62;
const ADMIN_ABSOLUTE: i64 = 12 * 60 + 2;

#[derive(Debug, Clone, Copy)]
enum Step {
    Use,
    SetRole { admin: bool },
    Pass { minutes: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let minutes =
        prop_oneof![Just(5_i64), Just(30), Just(65), Just(400), Just(725), Just(1_445), Just(50_000)];
    prop_oneof![
        3 => Just(Step::Use),
        2 => any::<bool>().prop_map(|admin| Step::SetRole { admin }),
        3 => minutes.prop_map(|minutes| Step::Pass { minutes }),
    ]
}

/// The rule. Times are in minutes since the sign-in.
struct Model {
    now: i64,
    admin: bool,
    remembered: bool,
    /// When it ends without another use. Redis has a clock of its own, which only a use moves.
    expires: i64,
    redis: bool,
}

impl Model {
    fn absolute(&self) -> i64 {
        if self.admin { ADMIN_ABSOLUTE } else { ABSOLUTE }
    }

    fn lives(&self) -> bool {
        self.now < self.expires && self.now < self.absolute()
    }

    fn use_now(&mut self) {
        let idle = if self.remembered { REMEMBERED } else { IDLE };
        let idle = if self.admin { idle.min(ADMIN_IDLE) } else { idle };
        self.expires = self.now + idle;
        self.cut();
    }

    fn set_role(&mut self, admin: bool) {
        self.admin = admin;
        self.cut();
    }

    fn cut(&mut self) {
        if !self.redis {
            self.expires = self.expires.min(self.absolute());
        }
    }

    fn left(&self) -> i64 {
        self.expires.min(self.absolute()) - self.now
    }
}

/// The application, an administrator, and somebody whose role changes.
struct World {
    app: TestApp,
    boss: Client,
    ada: Person,
}

impl World {
    async fn new(stack: Stack) -> Self {
        let minutes = |minutes: i64| format!("{minutes}m");
        let app = builder(stack)
            .0
            .var("SESSION_IDLE_TTL", minutes(IDLE))
            .var("SESSION_REMEMBER_TTL", minutes(REMEMBERED))
            .var("SESSION_ABSOLUTE_TTL", minutes(ABSOLUTE))
            .var("SESSION_ADMIN_IDLE_TTL", minutes(ADMIN_IDLE))
            .var("SESSION_ADMIN_ABSOLUTE_TTL", minutes(ADMIN_ABSOLUTE))
            .start()
            .await;
        let (_, boss) = app.admin("Grace Hopper").await;
        let (ada, _) = app.person("Ada Lovelace").await;
        Self { app, boss, ada }
    }

    async fn set_role(&self, admin: bool) {
        let path = self.app.admin_path(&self.ada);
        let role = if admin { "admin" } else { "user" };
        if self.app.role_of(&self.ada) != role {
            self.boss.post(&format!("{path}/role"), &[("role", role)]).await.to(&path);
        }
    }

    async fn check(&self, remembered: bool, steps: &[Step]) {
        self.set_role(false).await;
        let client = self.app.client();
        if remembered {
            self.ada.sign_in_remembered(&client).await;
        } else {
            self.ada.sign_in(&client).await;
        }
        let id = session_id(&client).await;
        let redis = self.app.backend() == Backend::Redis;
        let mut model = Model { now: 0, admin: false, remembered, expires: 0, redis };
        model.use_now();
        for step in steps {
            match *step {
                Step::SetRole { admin } => {
                    self.set_role(admin).await;
                    model.set_role(admin);
                }
                Step::Pass { minutes } => {
                    self.app.age_session(&id, minutes);
                    model.now += minutes;
                }
                Step::Use if !model.lives() => break,
                Step::Use => {
                    model.use_now();
                    self.use_session(&client, &id, model.left()).await;
                }
            }
        }
        assert_eq!(signed_in(&client).await, model.lives());
    }

    /// Uses the session, and waits until it is known to live so many minutes from then on.
    async fn use_session(&self, client: &Client, id: &str, left: i64) {
        // After a change of the role the first one gets a new key.
        for _ in 0..2 {
            client.get("/profile").await.expect(200);
        }
        let is_right = |seconds: f64| (-30.0..100.0).contains(&(seconds - left as f64 * 60.0));
        eventually(|| async { is_right(self.app.seconds_left(id)) }).await;
    }
}

fn check_on(stack: Stack) {
    let system = System::new();
    let world = system.block_on(World::new(stack));
    let config = Config { cases: 24, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    let held = TestRunner::new(config).run(&(any::<bool>(), vec(step(), 1..12)), |(remembered, steps)| {
        system.block_on(world.check(remembered, &steps));
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn lifetimes_are_those_of_the_role_whatever_happens_sqlite() {
    check_on(Stack::Sqlite);
}

#[test]
fn lifetimes_are_those_of_the_role_whatever_happens_postgres_redis() {
    check_on(Stack::PostgresRedis);
}
