//! Pages of sessions that match a filter, and their end.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    catalogue::{
        list::{self, Cursor, Filter, Listed, Order, Wanted},
        rows::{self, Ended, Ending, Which},
    },
    service::{Ends, Sessions},
};
use crate::{
    db::{DbConnection, now},
    error::Error,
};

/// Rows on one page.
pub const PAGE: usize = 50;

/// How often a page is filled up after sessions on it turned out to be lost or gone.
const REFILLS: usize = 20;

/// Sessions that are ended before the next are looked for.
pub const CHUNK: i64 = 1_000;

/// Those of them that one transaction ends: four at once, because each mostly waits for pages of indexes.
const PART: usize = 250;

/// How often a part is tried that finds the database busy, and the pause in between.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(250);

/// One page of a list, every active session on it confirmed by the store.
#[derive(Debug, Default)]
pub struct Page {
    /// At most 50 sessions.
    pub rows: Vec<Listed>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

/// What became of a chunk.
#[derive(Default)]
struct Chunk {
    /// Those that have ended by it.
    ended: Vec<Ended>,
    /// Why others have not.
    problem: Option<Error>,
}

impl Sessions {
    /// The same list with the people looked up whom it is narrowed to, for all that is then asked of it.
    pub async fn found(&self, wanted: Wanted) -> Result<Wanted, Error> {
        if wanted.filter.person.is_none() {
            return Ok(wanted);
        }
        let filter = self.db.patient().run(move |conn| wanted.filter.found(conn)).await?;
        Ok(Wanted { filter, ..wanted })
    }

    /// The page after the cursor. Sessions that the store lost are ended on the way.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub async fn page(&self, wanted: &Wanted, after: Option<&Cursor>) -> Result<Page, Error> {
        let order = wanted.order();
        let mut rows: Vec<Listed> = Vec::new();
        let mut after = after.cloned();
        let mut more = true;
        for _ in 0..REFILLS {
            let (places, listed) = self.listed(&wanted.filter, order, after.clone()).await?;
            more = places.len() > PAGE;
            after = places.into_iter().last().or(after);
            rows.extend(if wanted.filter.ended { listed } else { self.confirm(listed).await? });
            if !more || rows.len() > PAGE {
                break;
            }
        }
        let next = match rows.get(PAGE - 1) {
            Some(last) if rows.len() > PAGE => Some(Cursor::after(last, order)),
            _ => after.filter(|_| more),
        };
        rows.truncate(PAGE);
        Ok(Page { rows, next })
    }

    /// How many match. Reads them all: a page asks [`Sessions::count_up_to`].
    pub async fn count(&self, wanted: &Wanted) -> Result<i64, Error> {
        let filter = wanted.filter.clone();
        self.db.patient().run(move |conn| list::count(conn, &filter)).await
    }

    /// How many match, counted no further than `most`.
    pub async fn count_up_to(&self, wanted: &Wanted, most: i64) -> Result<i64, Error> {
        let filter = wanted.filter.clone();
        self.db.patient().run(move |conn| list::count_up_to(conn, &filter, most)).await
    }

    /// Of how many people those that match are.
    pub async fn people(&self, wanted: &Wanted) -> Result<i64, Error> {
        let filter = wanted.filter.clone();
        self.db.patient().run(move |conn| list::people(conn, &filter)).await
    }

    /// Ends all active sessions that match and began before now, or before the filter's own time, in chunks so that
    /// requests get through in between; `told` hears after each how many have ended so far. Sessions that are used
    /// meanwhile change their place in the list, so it is gone through until nothing is left.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the administrator who asked is none any more; what has ended by then stays so.
    /// [`Error::Unavailable`] when the database can't be reached.
    pub async fn end_matching(
        &self,
        wanted: &Wanted,
        ending: Ending,
        mut told: impl AsyncFnMut(usize),
    ) -> Result<Ends, Error> {
        let started_by = wanted.filter.started_by.unwrap_or_else(now);
        let filter = Filter { ended: false, started_by: Some(started_by), ..wanted.filter.clone() };
        let mut ends = Ends { count: 0, confirmed: true };
        let mut after: Option<Cursor> = None;
        let mut places = self.chunk(&filter, None).await?;
        let mut last = Vec::new();
        // Nothing from the beginning on: all have ended.
        while !places.is_empty() || after.is_some() {
            let reached = places.last().cloned();
            // While the catalogue ends one chunk, the store forgets the one before, and the next is looked up.
            let (Chunk { ended, problem }, (confirmed, next)) =
                tokio::join!(self.end_chunk(&places, &ending), async {
                    let confirmed = self.forget(&last).await;
                    told(ends.count).await;
                    (confirmed, self.chunk(&filter, reached.as_ref()).await)
                });
            ends.confirmed &= confirmed;
            ends.count += ended.len();
            last = ended;
            places = match problem.map_or(next, Err) {
                Ok(places) => places,
                Err(problem) => {
                    self.forget(&last).await;
                    told(ends.count).await;
                    return Err(problem);
                }
            };
            after = reached;
        }
        Ok(ends)
    }

    /// The places of the next sessions to end.
    async fn chunk(&self, filter: &Filter, after: Option<&Cursor>) -> Result<Vec<Cursor>, Error> {
        let (filter, after) = (filter.clone(), after.cloned());
        let look =
            move |conn: &mut DbConnection| list::places(conn, &filter, Order::Seen, after.as_ref(), CHUNK);
        self.db.patient().run(look).await
    }

    /// Ends the sessions at these places.
    async fn end_chunk(&self, places: &[Cursor], ending: &Ending) -> Chunk {
        let mut chunk = Chunk::default();
        let ids: Vec<String> = places.iter().map(|place| place.id().to_owned()).collect();
        for done in join_all(ids.chunks(PART).map(|part| self.end_part(part, ending))).await {
            match done {
                Ok(ended) => chunk.ended.extend(ended),
                Err(error) => chunk.problem = Some(error),
            }
        }
        chunk
    }

    /// Ends these sessions in one transaction, if who asked for it still may. Somebody who holds their rows is waited for.
    async fn end_part(&self, ids: &[String], ending: &Ending) -> Result<Vec<Ended>, Error> {
        let in_store = self.has_entries();
        let mut tries = 1;
        loop {
            let (which, ending) = (Which::Ids(ids.to_vec()), ending.clone());
            let work = move |conn: &mut DbConnection| {
                if let Some(administrator) = ending.by {
                    rows::check_still_administrator(conn, administrator)?;
                }
                rows::end(conn, &which, &ending, in_store)
            };
            match self.db.patient().transaction(work).await {
                Err(Error::Unavailable(cause)) if tries < TRIES => {
                    tracing::warn!(%cause, "a part of an end of many sessions is tried again");
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// The next places, one more than a page has, and the sessions that are still there.
    async fn listed(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<Cursor>,
    ) -> Result<(Vec<Cursor>, Vec<Listed>), Error> {
        let filter = filter.clone();
        let look = move |conn: &mut DbConnection| {
            let places = list::places(conn, &filter, order, after.as_ref(), PAGE as i64 + 1)?;
            let rows = list::at(conn, &filter, &places)?;
            Ok((places, rows))
        };
        self.db.patient().run(look).await
    }
}
