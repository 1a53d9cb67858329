//! Tests random sequences of everything that starts, changes and ends sessions against a small model of who is signed
//! in. After every step pages, lists, catalogue and store must agree with the model, on both instances.
//!
//! A failure reports the shortest failing list of steps that was found.

mod agreement;

use std::collections::BTreeSet;

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

const BROWSERS: usize = 3;

/// One step. Browsers, users and instances are numbers; a session is its index among all sessions ever started.
#[derive(Debug, Clone, Copy)]
enum Step {
    SignIn { browser: usize, user: usize, remembered: bool },
    Read { browser: usize },
    Change { browser: usize },
    Rotate { browser: usize },
    ChangePassword { browser: usize },
    Logout { browser: usize },
    EndOne { browser: usize, session: usize },
    EndOthers { browser: usize },
    EndByAdmin { session: usize },
    Deactivate { user: usize },
    Activate { user: usize },
    Lose { session: usize },
    Expire { session: usize },
}

use Step::*;

fn step() -> impl Strategy<Value = Step> {
    let (browser, user, session) = (|| 0..BROWSERS, || 0..2_usize, || 0..64_usize);
    prop_oneof![
    6 => (browser(), user(), any::<bool>())
    .prop_map(|(browser, user, remembered)| SignIn { browser, user, remembered }),
    1 => browser().prop_map(|browser| Read { browser }),
    2 => browser().prop_map(|browser| Change { browser }),
    2 => browser().prop_map(|browser| Rotate { browser }),
    1 => browser().prop_map(|browser| ChangePassword { browser }),
    1 => browser().prop_map(|browser| Logout { browser }),
    2 => (browser(), session()).prop_map(|(browser, session)| EndOne { browser, session }),
    1 => browser().prop_map(|browser| EndOthers { browser }),
    1 => session().prop_map(|session| EndByAdmin { session }),
    1 => user().prop_map(|user| Deactivate { user }),
    2 => user().prop_map(|user| Activate { user }),
    1 => session().prop_map(|session| Lose { session }),
    1 => session().prop_map(|session| Expire { session }),
    ]
}

/// `cases`: how many sequences of steps.
fn check_model_on(cases: u32, stores: impl Fn() -> Builder) {
    let config = Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    // Each step with the instance that executes it.
    let steps = vec((step(), 0..2_usize), 1..=40);
    let held = TestRunner::new(config).run(&steps, |steps| {
        System::new().block_on(async {
            let mut world = World::new(stores()).await;
            for (step, instance) in steps {
                world.apply(step, instance).await;
                world.check().await;
            }
        });
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn model_random_steps_agree_sqlite() {
    check_model_on(8, || builder(Stack::Sqlite).0);
}

#[test]
fn model_random_steps_agree_postgres_redis() {
    check_model_on(8, || builder(Stack::PostgresRedis).0);
}

#[test]
fn model_random_steps_agree_postgres_redis_cluster() {
    let cluster = System::new().block_on(RedisCluster::start());
    check_model_on(4, || {
        let redis = cluster.database();
        redis.flush();
        builder(Stack::PostgresRedis).0.on_redis_at(redis)
    });
}

/// The model of one session.
struct ModelSession {
    id: String,
    user: usize,
    counter: Option<u64>,
    /// `None` while the session is active, then the end reason; `Some(None)` if its store entry was lost or it expired.
    end: Option<Option<&'static str>>,
}

/// The application and its model.
struct World {
    apps: [TestApp; 2],
    admin: Client,
    people: Vec<Person>,
    active: [bool; 2],
    browsers: Vec<Client>,
    sessions: Vec<ModelSession>,
    /// The session whose key each browser holds.
    holds_key_of: [Option<usize>; BROWSERS],
    /// Store keys of entries that were not deleted when their sessions ended.
    undeleted: BTreeSet<String>,
    checks: usize,
}

impl World {
    async fn new(builder: Builder) -> Self {
        let app = builder.start().await;
        let second = app.second_instance().await;
        let (_, admin) = app.admin("Root Admin").await;
        let mut people = Vec::new();
        for name in ["Ada Lovelace", "Grace Hopper"] {
            let (person, client) = app.person(name).await;
            let _ = client.post("/logout", &[]).await.to("/");
            people.push(person);
        }
        let browsers = (0..BROWSERS).map(|_| app.client()).collect();
        let (apps, sessions, undeleted) = ([app, second], Vec::new(), BTreeSet::new());
        Self {
            apps,
            admin,
            people,
            active: [true; 2],
            browsers,
            sessions,
            holds_key_of: [None; BROWSERS],
            undeleted,
            checks: 0,
        }
    }

    /// The active session of a browser.
    fn current(&self, browser: usize) -> Option<usize> {
        self.holds_key_of[browser].filter(|&session| self.sessions[session].end.is_none())
    }

    fn end(&mut self, reason: Option<&'static str>, which: impl Fn(usize, &ModelSession) -> bool) {
        for (number, session) in self.sessions.iter_mut().enumerate() {
            if session.end.is_none() && which(number, session) {
                session.end = Some(reason);
            }
        }
    }

    /// Sends a form from a browser to an instance; the browser keeps the cookies of the response.
    async fn post(&mut self, browser: usize, instance: usize, path: &str, fields: &[(&str, &str)]) -> Answer {
        let client = self.browsers[browser].at(&self.apps[instance]);
        let answer = client.post(path, fields).await;
        self.browsers[browser] = client;
        answer
    }

    /// Sends a form that requires a sign-in. Returns the session and the response, or `None` after a 401.
    async fn post_signed_in(
        &mut self,
        browser: usize,
        instance: usize,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Option<(usize, Answer)> {
        let answer = self.post(browser, instance, path, fields).await;
        match self.current(browser) {
            Some(session) => Some((session, answer)),
            None => {
                let _ = answer.expect(401);
                None
            }
        }
    }

    async fn apply(&mut self, step: Step, instance: usize) {
        match step {
            SignIn { browser, user, remembered } => self.sign_in(browser, instance, user, remembered).await,
            Read { browser } => self.read(browser, instance).await,
            Change { browser } => self.change(browser, instance).await,
            Rotate { browser } => {
                if let Some((_, answer)) = self.post_signed_in(browser, instance, "/test/rotate", &[]).await {
                    let _ = answer.expect(200);
                }
            }
            ChangePassword { browser } => self.change_password(browser, instance).await,
            Logout { browser } => {
                let _ = self.post(browser, instance, "/logout", &[]).await.to("/");
                if let Some(session) = self.current(browser) {
                    self.end(Some("logout"), |number, _| number == session);
                }
            }
            EndOthers { browser } => self.end_others(browser, instance).await,
            Deactivate { user } => {
                self.undeleted.extend(self.keys());
                self.apps[0].deactivate(&self.people[user]);
                self.active[user] = false;
                self.end(Some("user_deactivated"), |_, known| known.user == user);
            }
            Activate { user } => {
                self.apps[0].set_active(&self.people[user], true);
                self.active[user] = true;
            }
            EndOne { .. } | EndByAdmin { .. } | Lose { .. } | Expire { .. } if self.sessions.is_empty() => {}
            EndOne { browser, session } => {
                self.end_one(browser, instance, session % self.sessions.len()).await;
            }
            EndByAdmin { session } => self.end_by_admin(instance, session % self.sessions.len()).await,
            Lose { session } => self.lose(session % self.sessions.len(), false),
            Expire { session } => self.lose(session % self.sessions.len(), true),
        }
    }

    async fn read(&mut self, browser: usize, instance: usize) {
        let client = self.browsers[browser].at(&self.apps[instance]);
        assert_eq!(signed_in(&client).await, self.current(browser).is_some());
        self.browsers[browser] = client;
    }

    async fn change(&mut self, browser: usize, instance: usize) {
        let changed = self.post_signed_in(browser, instance, "/test/change", &[]).await;
        if let Some((session, answer)) = changed {
            let _ = answer.expect(200);
            let counter = &mut self.sessions[session].counter;
            *counter = Some(counter.unwrap_or(0) + 1);
        }
    }

    async fn change_password(&mut self, browser: usize, instance: usize) {
        let fields =
            [("current_password", PASSWORD), ("password", PASSWORD), ("password_confirmation", PASSWORD)];
        let changed = self.post_signed_in(browser, instance, "/profile/password", &fields).await;
        if let Some((session, answer)) = changed {
            let _ = answer.to("/profile");
            let user = self.sessions[session].user;
            self.end(Some("password_changed"), |number, known| known.user == user && number != session);
        }
    }

    async fn end_one(&mut self, browser: usize, instance: usize, ended: usize) {
        let path = format!("/sessions/{}/end", self.sessions[ended].id);
        let Some((session, answer)) = self.post_signed_in(browser, instance, &path, &[]).await else {
            return;
        };
        if self.sessions[ended].user != self.sessions[session].user {
            let _ = answer.expect(404);
        } else if ended == session {
            let _ = answer.to("/");
            self.end(Some("logout"), |number, _| number == ended);
        } else {
            let _ = answer.to("/sessions");
            self.end(Some("ended_by_user"), |number, _| number == ended);
        }
    }

    async fn end_others(&mut self, browser: usize, instance: usize) {
        let ended = self.post_signed_in(browser, instance, "/sessions/end-others", &[]).await;
        if let Some((session, answer)) = ended {
            let _ = answer.to("/sessions");
            let user = self.sessions[session].user;
            self.end(Some("ended_by_user"), |number, known| known.user == user && number != session);
        }
    }

    async fn end_by_admin(&mut self, instance: usize, ended: usize) {
        let path = format!("/admin/sessions/{}/end", self.sessions[ended].id);
        let admin = self.admin.at(&self.apps[instance]);
        let _ = admin.post(&path, &[("reason", "test")]).await.expect(303);
        self.end(Some("ended_by_admin"), |number, _| number == ended);
    }

    async fn sign_in(&mut self, browser: usize, instance: usize, user: usize, remembered: bool) {
        let before = self.browsers[browser].cookie(COOKIE).map(|cookie| cookie.value);
        let person = self.people[user].clone();
        let mut fields = vec![("email", person.email.as_str()), ("password", &person.password)];
        if remembered {
            fields.push(("remember", "on"));
        }
        let answer = self.post(browser, instance, "/login", &fields).await;
        if !self.active[user] {
            let _ = answer.expect(401);
            return;
        }
        let cookie = new_cookie(&answer.to("/profile")).expect("a cookie");
        assert_eq!(cookie.max_age().is_some(), remembered);
        assert_ne!(Some(cookie.value), before);
        let replaced = self.current(browser);
        self.end(Some("replaced"), |number, _| Some(number) == replaced);
        let id = session_id(&self.browsers[browser]).await;
        assert!(self.sessions.iter().all(|known| known.id != id), "a session id is never reused");
        self.holds_key_of[browser] = Some(self.sessions.len());
        self.sessions.push(ModelSession { id, user, counter: None, end: None });
    }

    /// Deletes or expires a session's state directly in the store or the database.
    fn lose(&mut self, lost: usize, by_time: bool) {
        if self.sessions[lost].end.is_some() {
            return;
        }
        let app = &self.apps[0];
        let id = &self.sessions[lost].id;
        if app.backend() == Backend::Redis || !by_time {
            app.lose_state(id);
        }
        if by_time {
            // Later than any last-seen time still to be written, which would extend the session again.
            app.set_session_time(id, SessionTime::LastSeen, "2099-01-01 00:00:00");
            app.set_session_time(id, SessionTime::Expires, "2026-01-01 00:00:00");
        }
        self.end(None, |number, _| number == lost);
    }

    /// The store keys of active sessions in the catalogue.
    fn keys(&self) -> BTreeSet<String> {
        self.apps[0].unexpired_store_keys().into_iter().collect()
    }
}
