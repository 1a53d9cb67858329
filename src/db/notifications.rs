//! Notifications of Postgres (`LISTEN`, `NOTIFY`), by which instances without Redis tell each other what has happened.

use std::{sync::atomic::Ordering, thread::sleep, time::Duration};

use actix_web::web;
use diesel::{
    RunQueryDsl as _,
    sql_types::{Array, Text},
};
use tokio::sync::mpsc;

use super::{connection::DbConnection, pool::Db};
use crate::error::Error;

/// The longest text of a notification, in bytes.
pub const LONGEST: usize = 7_999;

/// Each schema has a channel of its own: sites may share a database.
const CHANNEL: &str = "'gatehouse_' || md5(current_schema())";

/// How often it is looked whether a notification has arrived. Looking asks nothing of the server; libpq can wait for answers alone.
const INTERVAL: Duration = Duration::from_millis(25);

/// Notifications that have arrived and were not taken yet. More end the listening.
const CAPACITY: usize = 1_024;

#[derive(diesel::QueryableByName)]
struct Channel {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Db {
    /// Sends texts of at most [`LONGEST`] bytes to all who listen, in order. On SQLite nobody does.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not take them.
    pub async fn notify(&self, texts: Vec<String>) -> Result<(), Error> {
        let notify = format!(
            "SELECT pg_notify({CHANNEL}, text) FROM unnest($1) WITH ORDINALITY AS sent (text, number) ORDER BY number"
        );
        self.run(move |conn| {
            if let DbConnection::Postgres(pg) = conn {
                diesel::sql_query(notify).bind::<Array<Text>, _>(texts).execute(pg)?;
            }
            Ok(())
        })
        .await
    }

    /// Listens over a connection of its own. The receiver ends when that is lost, when the pool has been replaced, and when the pool
    /// gets not a single connection: the database may give too few.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database gives no connection, or could give the pool none after it.
    pub async fn listen(&self) -> Result<mpsc::Receiver<String>, Error> {
        let db = self.clone();
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let listening = web::block(move || {
            drop(db.connection()?);
            let state = db.listening_state();
            let mut conn = db.shared.connector.open().map_err(Error::unavailable)?;
            listen(&mut conn)?;
            let pass_on = move || {
                while db.listening_state() == state && pass_on(&mut conn, &sender) {
                    sleep(INTERVAL);
                }
            };
            let thread = std::thread::Builder::new().name("notifications".into());
            thread.spawn(pass_on).map(drop).map_err(Error::internal)
        });
        listening.await.map_err(Error::internal)??;
        Ok(receiver)
    }

    /// While this is the same, a connection that listens is of use.
    fn listening_state(&self) -> (u64, u64) {
        (self.pool_generation(), self.shared.shortages.load(Ordering::Acquire))
    }
}

fn listen(conn: &mut DbConnection) -> Result<(), Error> {
    let channel: Channel = diesel::sql_query(format!("SELECT {CHANNEL} AS name")).get_result(conn)?;
    diesel::sql_query(format!("LISTEN {}", channel.name)).execute(conn)?;
    Ok(())
}

/// Passes on what has arrived; `false`: there is no more to come, or nobody to take it.
fn pass_on(conn: &mut DbConnection, sender: &mpsc::Sender<String>) -> bool {
    let DbConnection::Postgres(pg) = conn else { return false };
    let mut arrived = pg.notifications_iter();
    arrived.all(|notification| {
        notification.is_ok_and(|notification| sender.try_send(notification.payload).is_ok())
    }) && !sender.is_closed()
}
