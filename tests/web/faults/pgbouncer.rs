//! Tests PgBouncer before Postgres: in session mode everything works, in the others nothing starts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use diesel::connection::SimpleConnection;
use futures_util::future::{join, join_all};

use crate::support::{
    outage::{OutageTest, Part::Database, builder},
    postgres::connect,
    *,
};

/// Only [`Backend::Postgres`] listens over the pooler too.
#[actix_web::test]
async fn pgbouncer_in_session_mode_serves_several_instances() {
    let server = PostgresServer::start_own();
    let mut pooler = PgBouncer::before(&server, &[]);
    let builder = builder().sessions_in(Backend::Postgres).on_postgres_at(pooler.url());
    let site = OutageTest::start(builder).await;
    let second = site.app.second_instance().await;
    let visitors: Vec<Client> =
        (0..20).map(|number| if number % 2 == 0 { site.app.client() } else { second.client() }).collect();
    for answer in join_all(visitors.iter().map(|visitor| site.ada.try_sign_in(visitor))).await {
        assert!(matches!(answer, 303 | 503), "{answer}");
    }
    let mut own = site.other_client.at(&second).events("/session/events").await;
    site.other_client.copy().post("/logout", &[]).await.to("/");
    assert_eq!(own.wait_for("signed-out", |_| true).await["reason"], "logout");
    site.ada.sign_in(&site.other_client).await;
    pooler.restart();
    site.assert_recovers("PgBouncer").await;
}

async fn refusal(pooler: &PgBouncer) -> String {
    let started = builder().var("DATABASE_URL", pooler.url()).not_set_up().try_start().await;
    started.err().expect("it must not start")
}

#[actix_web::test]
async fn pgbouncer_in_other_modes_stops_the_start() {
    let server = PostgresServer::start_own();
    for changes in [
        &[("pool_mode = session", "pool_mode = transaction")][..],
        &[("pool_mode = session", "pool_mode = statement")],
        &[("pool_mode = session", "pool_mode = transaction\nserver_round_robin = 1")],
        &[("pool_mode = session", "pool_mode = transaction\nserver_reset_query_always = 1")],
        &[
            ("pool_mode = session", "pool_mode = transaction"),
            ("default_pool_size = 42", "default_pool_size = 1"),
        ],
    ] {
        let refusal = refusal(&PgBouncer::before(&server, changes)).await;
        assert!(refusal.contains("DATABASE_URL") && refusal.contains("pool_mode = session"), "{refusal}");
    }
    let pooler = PgBouncer::before(&server, &[("pool_mode = session", "pool_mode = transaction")]);
    let vars = [("DATABASE_URL", pooler.url()), ("SESSION_SECRET", random_secret())];
    let vars = vars.map(|(name, value)| (name.to_owned(), value));
    assert!(Program::run(&["migrate"], &vars, "").failed().contains("pool_mode = session"));
}

/// Others that use the pooler, each from a thread of its own, until this is dropped.
struct Others(Arc<AtomicBool>);

impl Others {
    fn start(pooler: &PgBouncer) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        for _ in 0..8 {
            let (url, stopped) = (pooler.url(), Arc::clone(&stopped));
            thread::spawn(move || {
                let mut conn = connect(&url);
                let work = "BEGIN; SELECT pg_sleep(0.002); COMMIT";
                while !stopped.load(Relaxed) && conn.batch_execute(work).is_ok() {}
            });
        }
        Self(stopped)
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Where many others ask, each statement may get another session.
#[actix_web::test]
async fn pgbouncer_in_transaction_mode_is_found_out_while_others_use_it() {
    let server = PostgresServer::start_own();
    let pooler = PgBouncer::before(&server, &[("pool_mode = session", "pool_mode = transaction")]);
    let _others = Others::start(&pooler);
    for _ in 0..5 {
        let refusal = refusal(&pooler).await;
        assert!(refusal.contains("pool_mode = session"), "{refusal}");
    }
}

#[actix_web::test]
async fn pgbouncer_mode_changed_while_it_runs_503_until_changed_back() {
    let server = PostgresServer::start_own();
    let pooler = PgBouncer::before(&server, &[]);
    let site = OutageTest::start(builder().on_postgres_at(pooler.url())).await;
    pooler.reload(&[("pool_mode = session", "pool_mode = transaction")]);
    // Connections find themselves in each other's sessions once several are used.
    eventually(|| async {
        let people: Vec<Client> = (0..8).map(|_| site.client.copy()).collect();
        let profiles = join_all(people.iter().map(|client| client.get("/profile")));
        let ready = join_all((0..4).map(|_| async { site.app.client().get("/readyz").await }));
        let (profiles, ready) = join(profiles, ready).await;
        profiles.iter().chain(&ready).all(|answer| answer.status == 503)
    })
    .await;
    site.assert_down(Database).await;
    pooler.reload(&[]);
    site.assert_recovers("PgBouncer in session mode again").await;
}
