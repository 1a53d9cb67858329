//! Tests the pool of database connections when it is exhausted, and when Postgres hangs during a query.

use std::sync::{Mutex, mpsc};

use actix_web::{HttpResponse, web};
use gatehouse::app::Site as Shared;

use crate::{
    outage::{Site, builder, timely, unavailable},
    support::*,
};

/// A test handler that keeps a pool connection until the test releases it.
async fn keep_connection(site: web::Data<Shared>, gate: web::Data<Gate>) -> HttpResponse {
    let gate = gate.into_inner();
    let db = site.db.patient();
    let kept = db.run(move |_| {
        gate.taken.send(()).unwrap();
        let _ = gate.release.lock().unwrap().recv();
        Ok(())
    });
    kept.await.unwrap();
    HttpResponse::Ok().finish()
}

struct Gate {
    taken: mpsc::Sender<()>,
    release: Mutex<mpsc::Receiver<()>>,
}

#[actix_web::test]
async fn db_pool_exhausted_503_only_where_needed() {
    const POOL: usize = 8;
    let ((taken, all_taken), (let_go, release)) = (mpsc::channel(), mpsc::channel());
    let gate = web::Data::new(Gate { taken, release: Mutex::new(release) });
    let builder = builder().routes(move |cfg| {
        cfg.app_data(gate.clone()).route("/keep", web::get().to(keep_connection));
    });
    let site = Site::start(builder).await;
    let keepers: Vec<_> = (0..POOL)
        .map(|_| {
            let client = site.app.client();
            actix_web::rt::spawn(async move { client.get("/keep").await.expect(200) })
        })
        .collect();
    let mut kept = 0;
    eventually(|| {
        kept += all_taken.try_iter().count();
        let full = kept == POOL;
        async move { full }
    })
    .await;
    unavailable(&site.here, "/sessions", None).await;
    unavailable(&site.here, "/logout", Some(&[])).await;
    timely(site.here.get("/profile")).await.expect(200);
    timely(site.here.get("/")).await.expect(200);
    for _ in 0..POOL {
        let_go.send(()).unwrap();
    }
    futures_util::future::join_all(keepers).await;
    site.comes_back("Postgres with its pool exhausted").await;
}

/// A test handler that takes a pool connection, waits for the test, and then runs a query.
async fn work(site: web::Data<Shared>, gate: web::Data<Gate>, ask: web::Path<String>) -> HttpResponse {
    let gate = gate.into_inner();
    let asked = site.db.run(move |conn| {
        gate.taken.send(()).unwrap();
        let _ = gate.release.lock().unwrap().recv();
        diesel::RunQueryDsl::execute(diesel::sql_query(ask.into_inner()), conn)?;
        Ok(())
    });
    match asked.await {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(error) => HttpResponse::from_error(error),
    }
}

async fn start_query(ask: &str) -> (Site, actix_web::rt::task::JoinHandle<Answer>, mpsc::Sender<()>) {
    let ((taken, started), (go_on, release)) = (mpsc::channel(), mpsc::channel());
    let gate = web::Data::new(Gate { taken, release: Mutex::new(release) });
    let routes = move |cfg: &mut web::ServiceConfig| {
        cfg.app_data(gate.clone()).route("/work/{ask}", web::get().to(work));
    };
    let site = Site::start(builder().through_proxies().routes(routes)).await;
    let (client, path) = (site.app.client(), format!("/work/{}", ask.replace(' ', "%20")));
    let answer = actix_web::rt::spawn(async move { timely(client.get(&path)).await });
    eventually(|| async { started.try_recv().ok() }).await;
    (site, answer, go_on)
}

#[actix_web::test]
async fn db_query_in_progress_503_when_postgres_hangs() {
    let (site, answer, go_on) = start_query("SELECT 1").await;
    let stores = site.app.stores();
    stores.postgres_proxy().set(Mode::Swallow);
    go_on.send(()).unwrap();
    answer.await.unwrap().expect(503);
    stores.postgres_proxy().set(Mode::Pass);
    site.comes_back("Postgres hanging in the middle of work").await;
}

#[actix_web::test]
async fn db_slow_query_succeeds_while_postgres_responds() {
    let (site, answer, go_on) = start_query("SELECT pg_sleep(0.6)").await;
    go_on.send(()).unwrap();
    site.here.get("/profile").await.expect(200);
    answer.await.unwrap().expect(200);
}
