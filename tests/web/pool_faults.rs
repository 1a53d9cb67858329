//! The pool of database connections: used up, and with work under way when Postgres hangs.

use std::sync::{Mutex, mpsc};

use actix_web::{HttpResponse, web};
use gatehouse::db::Db;

use crate::{
    outage::{Site, builder, timely, unavailable},
    support::*,
};

/// A page of the test's own that keeps a connection of the pool until it is told otherwise.
async fn keep_connection(db: web::Data<Db>, gate: web::Data<Gate>) -> HttpResponse {
    let gate = gate.into_inner();
    let db = db.with_long_timeout();
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
async fn an_exhausted_pool_costs_only_those_who_need_it() {
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

/// A page of the test's own whose work begins, waits for the test, and then asks the database something.
async fn work(db: web::Data<Db>, gate: web::Data<Gate>, ask: web::Path<String>) -> HttpResponse {
    let gate = gate.into_inner();
    let asked = db.run(move |conn| {
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

async fn begun(ask: &str) -> (Site, actix_web::rt::task::JoinHandle<Answer>, mpsc::Sender<()>) {
    let ((taken, begun), (go_on, release)) = (mpsc::channel(), mpsc::channel());
    let gate = web::Data::new(Gate { taken, release: Mutex::new(release) });
    let routes = move |cfg: &mut web::ServiceConfig| {
        cfg.app_data(gate.clone()).route("/work/{ask}", web::get().to(work));
    };
    let site = Site::start(builder().through_proxies().routes(routes)).await;
    let (client, path) = (site.app.client(), format!("/work/{}", ask.replace(' ', "%20")));
    let answer = actix_web::rt::spawn(async move { timely(client.get(&path)).await });
    eventually(|| async { begun.try_recv().ok() }).await;
    (site, answer, go_on)
}

#[actix_web::test]
async fn work_that_has_begun_is_given_up_when_postgres_hangs() {
    let (site, answer, go_on) = begun("SELECT 1").await;
    let stores = site.app.stores();
    stores.postgres_proxy().set(Mode::Swallow);
    go_on.send(()).unwrap();
    answer.await.unwrap().expect(503);
    stores.postgres_proxy().set(Mode::Pass);
    site.comes_back("Postgres hanging in the middle of work").await;
}

#[actix_web::test]
async fn work_may_take_longer_than_the_timeout_while_postgres_answers_others() {
    let (site, answer, go_on) = begun("SELECT pg_sleep(0.6)").await;
    go_on.send(()).unwrap();
    site.here.get("/profile").await.expect(200);
    answer.await.unwrap().expect(200);
}
