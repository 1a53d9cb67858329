//! Pages of sessions that match a filter, and their end.

use super::{
    Ending, Ends, Sessions, Which,
    list::{self, Cursor, Filter, Listed, Sort, Wanted},
};
use crate::error::Error;

/// Rows on one page.
pub const PAGE: usize = 50;

/// How often a page is filled up after the store turned out to have lost sessions on it.
const REFILLS: usize = 20;

/// Sessions that one transaction ends.
const CHUNK: i64 = 1_000;

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
        let sort = wanted.sort;
        let mut rows: Vec<Listed> = Vec::new();
        let mut after = after.cloned();
        for _ in 0..REFILLS {
            let limit = i64::try_from(PAGE + 1 - rows.len()).unwrap_or(1);
            let listed = self.listed(&wanted.filter, sort, after.clone(), limit).await?;
            let asked = listed.len();
            after = listed.last().map(|last| Cursor::after(last, sort)).or(after);
            let there = if wanted.filter.ended { listed } else { self.confirm(listed).await? };
            let none_lost = there.len() == asked;
            rows.extend(there);
            if none_lost || rows.len() > PAGE {
                break;
            }
        }
        let next = (rows.len() > PAGE).then(|| Cursor::after(&rows[PAGE - 1], sort));
        rows.truncate(PAGE);
        Ok(Page { rows, next })
    }

    /// How many match. Reads them all: a page asks [`Sessions::count_up_to`].
    pub async fn count(&self, wanted: &Wanted) -> Result<i64, Error> {
        self.count_up_to(wanted, i64::MAX).await
    }

    /// How many match, counted no further than `most`.
    pub async fn count_up_to(&self, wanted: &Wanted, most: i64) -> Result<i64, Error> {
        let filter = wanted.filter.clone();
        self.db.patient().run(move |conn| list::count(conn, &filter, most)).await
    }

    /// How many match but one, and of how many people.
    pub async fn count_but(&self, wanted: &Wanted, but: &str) -> Result<(i64, i64), Error> {
        let (filter, but) = (wanted.filter.clone(), but.to_owned());
        self.db.patient().run(move |conn| list::count_but(conn, &filter, &but)).await
    }

    /// Ends all active sessions that match but one, in chunks so that requests get through in between.
    pub async fn end_matching(
        &self,
        wanted: &Wanted,
        but: Option<&str>,
        ending: Ending,
    ) -> Result<Ends, Error> {
        let filter = Filter { ended: false, ..wanted.filter.clone() };
        let mut ends = Ends { count: 0, confirmed: true };
        let mut after = None;
        loop {
            let listed = self.listed(&filter, Sort::Seen, after.clone(), CHUNK).await?;
            let Some(last) = listed.last() else {
                return Ok(ends);
            };
            after = Some(Cursor::after(last, Sort::Seen));
            let ids = listed.into_iter().map(|session| session.id).filter(|id| Some(id.as_str()) != but);
            let chunk = self.end(Which::Ids(ids.collect()), ending.clone()).await?;
            ends.count += chunk.count;
            ends.confirmed &= chunk.confirmed;
        }
    }

    async fn listed(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<Cursor>,
        limit: i64,
    ) -> Result<Vec<Listed>, Error> {
        let filter = filter.clone();
        self.db.patient().run(move |conn| list::page(conn, &filter, sort, after.as_ref(), limit)).await
    }
}
