//! Pages of sessions that match a filter, and their end.

use std::time::Duration;

use super::{
    Ending, Ends, Sessions, Which,
    catalogue::{self, Ended},
    list::{self, Cursor, Filter, Listed, Order, Wanted},
};
use crate::{
    db::{DbConnection, now},
    error::Error,
};

/// Rows on one page.
pub const PAGE: usize = 50;

/// How often a page is filled up after sessions on it turned out to be lost or gone.
const REFILLS: usize = 20;

/// Sessions that one transaction ends.
pub const CHUNK: i64 = 1_000;

/// How often a chunk is tried that finds the database busy, and the pause in between.
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

impl Sessions {
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
        let mut last = Vec::new();
        loop {
            // While the store forgets one chunk, the catalogue ends the next.
            let (chunk, confirmed) =
                tokio::join!(self.end_chunk(&filter, after.as_ref(), &ending), self.forget(&last));
            ends.confirmed &= confirmed;
            let (reached, ended) = chunk?;
            ends.count += ended.len();
            told(ends.count).await;
            last = ended;
            match (reached, &after) {
                (Some(reached), _) => after = Some(reached),
                (None, Some(_)) => after = None,
                (None, None) => return Ok(ends),
            }
        }
    }

    /// Ends the next sessions after that place: the last place, if there was any, and those that have ended. Somebody
    /// who holds a row is waited for.
    async fn end_chunk(
        &self,
        filter: &Filter,
        after: Option<&Cursor>,
        ending: &Ending,
    ) -> Result<(Option<Cursor>, Vec<Ended>), Error> {
        let in_store = self.has_entries();
        let mut tries = 1;
        loop {
            let (filter, after, ending) = (filter.clone(), after.cloned(), ending.clone());
            let work = move |conn: &mut DbConnection| {
                let places = list::places(conn, &filter, Order::Seen, after.as_ref(), CHUNK)?;
                let ids = places.iter().map(|place| place.id().to_owned()).collect();
                let ended = catalogue::end(conn, &Which::Ids(ids), &ending, in_store)?;
                Ok((places.into_iter().last(), ended))
            };
            match self.db.patient().transaction(work).await {
                Err(Error::Unavailable(cause)) if tries < TRIES => {
                    tracing::warn!(%cause, "a chunk of an end of many sessions is tried again");
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
