//! Pages of sessions that match a filter, and their end.

use super::{
    Ending, Ends, Sessions, Which,
    list::{self, Cursor, Filter, Listed, Order, Wanted},
};
use crate::{
    db::{DbConnection, now},
    error::Error,
};

/// Rows on one page.
pub const PAGE: usize = 50;

/// How often a page is filled up after the store turned out to have lost sessions on it.
const REFILLS: usize = 20;

/// Sessions that one transaction ends.
pub const CHUNK: i64 = 1_000;

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
        for _ in 0..REFILLS {
            let limit = i64::try_from(PAGE + 1 - rows.len()).unwrap_or(1);
            let listed = self.listed(&wanted.filter, order, after.clone(), limit).await?;
            let asked = listed.len();
            after = listed.last().map(|last| Cursor::after(last, order)).or(after);
            let there = if wanted.filter.ended { listed } else { self.confirm(listed).await? };
            let none_lost = there.len() == asked;
            rows.extend(there);
            if none_lost || rows.len() > PAGE {
                break;
            }
        }
        let next = (rows.len() > PAGE).then(|| Cursor::after(&rows[PAGE - 1], order));
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

    /// Ends all active sessions that match and began before now, or before the filter's own time, in chunks so that requests get through in between;
    /// `told` hears after each how many have ended so far. Sessions that are used meanwhile change their place in the
    /// list, so it is gone through until nothing is left.
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
        loop {
            let (filter, from) = (filter.clone(), after.clone());
            let look = move |conn: &mut DbConnection| list::places(conn, &filter, from.as_ref(), CHUNK);
            let places = self.db.patient().run(look).await?;
            let ids = places.iter().map(|place| place.id().to_owned()).collect();
            match (places.into_iter().last(), &after) {
                (Some(last), _) => after = Some(last),
                (None, Some(_)) => {
                    after = None;
                    continue;
                }
                (None, None) => return Ok(ends),
            }
            let chunk = self.end(Which::Ids(ids), ending.clone()).await?;
            ends.count += chunk.count;
            ends.confirmed &= chunk.confirmed;
            told(ends.count).await;
        }
    }

    async fn listed(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<Cursor>,
        limit: i64,
    ) -> Result<Vec<Listed>, Error> {
        let filter = filter.clone();
        self.db.patient().run(move |conn| list::page(conn, &filter, order, after.as_ref(), limit)).await
    }
}
