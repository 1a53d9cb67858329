//! Routes that use connections of the application's pool while the test decides when they go on.

use std::sync::{Mutex, mpsc};

use actix_web::{
    HttpResponse,
    web::{self, Data, ServiceConfig},
};
use diesel::connection::SimpleConnection;
use gatehouse::{db::Db, error::Error};

/// The test's end of the routes: it learns when their work has begun, and lets it go on.
pub struct PoolWork {
    begun: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
}

impl PoolWork {
    /// How many requests have begun their work since this was called last.
    pub fn newly_begun(&self) -> usize {
        self.begun.try_iter().count()
    }

    /// Lets `count` requests go on.
    pub fn go_on(&self, count: usize) {
        for _ in 0..count {
            self.go_on.send(()).unwrap();
        }
    }
}

/// The handlers' end.
struct Gate {
    begun: mpsc::Sender<()>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Gate {
    /// Says that the work has begun, and waits for the test on the pool's thread.
    fn pass(&self) {
        self.begun.send(()).unwrap();
        let _ = self.go_on.lock().unwrap().recv();
    }
}

/// The routes: `/keep` holds a connection of the pool until the test lets it go on; `/work/{sql}` does so too and then
/// runs statements, separated by semicolons; `/work-with-retries/{sql}` tries that again while the database is away.
pub fn routes() -> (PoolWork, impl Fn(&mut ServiceConfig) + Send + Sync + 'static) {
    let ((begun, has_begun), (go_on, may_go_on)) = (mpsc::channel(), mpsc::channel());
    let gate = Data::new(Gate { begun, go_on: Mutex::new(may_go_on) });
    let routes = move |app: &mut ServiceConfig| {
        app.app_data(gate.clone())
            .route("/keep", web::get().to(keep_connection))
            .route("/work/{sql}", web::get().to(work))
            .route("/work-with-retries/{sql}", web::get().to(work_with_retries));
    };
    (PoolWork { begun: has_begun, go_on }, routes)
}

async fn keep_connection(db: Data<Db>, gate: Data<Gate>) -> HttpResponse {
    let gate = gate.into_inner();
    let db = db.with_long_timeout();
    let kept = db.run(move |_| {
        gate.pass();
        Ok(())
    });
    kept.await.unwrap();
    HttpResponse::Ok().finish()
}

async fn work(db: Data<Db>, gate: Data<Gate>, sql: web::Path<String>) -> HttpResponse {
    let gate = gate.into_inner();
    let worked = db.run(move |conn| {
        gate.pass();
        Ok(conn.batch_execute(&sql)?)
    });
    answer(worked.await)
}

async fn work_with_retries(db: Data<Db>, gate: Data<Gate>, sql: web::Path<String>) -> HttpResponse {
    let work = async |db: &Db| {
        let (gate, sql) = (gate.clone(), sql.clone());
        db.run(move |conn| {
            gate.pass();
            Ok(conn.batch_execute(&sql)?)
        })
        .await
    };
    answer(db.with_retries(work).await)
}

fn answer(worked: Result<(), Error>) -> HttpResponse {
    match worked {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(error) => HttpResponse::from_error(error),
    }
}
