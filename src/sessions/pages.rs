//! Lists of sessions page by page, their counts, and the preview of an end of many.

use std::{sync::Arc, time::Instant};

use super::{
    catalogue::{
        alike::{self, AlikeCounts},
        counts,
        cursor::Cursor,
        device_names::{self, DeviceColumn},
        filter::{Filter, ListQuery, Order},
        list::{self, ListedSession},
    },
    service::Sessions,
};
use crate::{db::DbConnection, error::Error, text::fold};

/// Rows on one page.
pub(super) const PAGE_SIZE: usize = 50;

/// How often a page is refilled after sessions on it turned out to be lost or expired.
const REFILLS: usize = 20;

/// One page of a list, every active session on it confirmed by the store.
#[derive(Debug, Default)]
pub struct Page {
    /// At most 50 sessions.
    pub rows: Vec<ListedSession>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

/// What would end if all sessions that match a query were ended.
#[derive(Debug, Default)]
pub struct Preview {
    /// How many sessions would end.
    pub count: i64,
    /// How many users they belong to.
    pub users: i64,
    /// The first of them.
    pub rows: Vec<ListedSession>,
    /// Whether the session of the request matches too; it would not end.
    pub includes_own: bool,
}

/// The names of browsers and systems that a filter offers.
#[derive(Debug, Default)]
pub struct NamesInUse {
    /// "Chrome", "Firefox"
    pub browsers: Vec<String>,
    /// "Android", "Linux"
    pub systems: Vec<String>,
}

/// Most names that are offered of each.
const MAX_NAMES: usize = 100;

impl Sessions {
    /// The query with the texts of its filter looked up, for all reads with it. See [`Filter::resolve`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn resolve(&self, query: ListQuery) -> Result<ListQuery, Error> {
        let Filter { person, browser, os, .. } = &query.filter;
        if person.is_none() && browser.is_none() && os.is_none() {
            return Ok(query);
        }
        let filter = self.db.with_long_timeout().run(move |conn| query.filter.resolve(conn)).await?;
        Ok(ListQuery { filter, ..query })
    }

    /// The page after the cursor. Sessions that the store has lost are ended on the way.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub async fn page(&self, query: &ListQuery, after: Option<&Cursor>) -> Result<Page, Error> {
        let order = query.order();
        let mut rows: Vec<ListedSession> = Vec::new();
        let mut after = after.cloned();
        let mut more = true;
        for _ in 0..REFILLS {
            let (keys, listed) = self.read_page(&query.filter, order, after.clone()).await?;
            more = keys.len() > PAGE_SIZE;
            after = keys.into_iter().last().or(after);
            rows.extend(if query.filter.ended { listed } else { self.confirm(listed).await? });
            if !more || rows.len() > PAGE_SIZE {
                break;
            }
        }
        let next = match rows.get(PAGE_SIZE - 1) {
            Some(last) if rows.len() > PAGE_SIZE => Some(last.cursor(order)),
            _ => after.filter(|_| more),
        };
        rows.truncate(PAGE_SIZE);
        Ok(Page { rows, next })
    }

    /// The browsers and systems of active or of ended sessions.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn names_in_use(&self, ended: bool) -> Result<NamesInUse, Error> {
        let read = move |conn: &mut DbConnection| {
            let names = |conn: &mut DbConnection, column| -> Result<Vec<String>, Error> {
                let mut names = device_names::in_use(conn, column, ended)?;
                names.retain(|name| !name.is_empty());
                names.truncate(MAX_NAMES);
                names.sort_by_cached_key(|name| fold(name));
                Ok(names)
            };
            Ok(NamesInUse {
                browsers: names(conn, DeviceColumn::Browser)?,
                systems: names(conn, DeviceColumn::Os)?,
            })
        };
        self.db.run(read).await
    }

    /// One session, active or ended. One that the store has lost is ended first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none with that id; [`Error::Unavailable`] when store or database can't be read.
    pub async fn one(&self, id: String) -> Result<ListedSession, Error> {
        let session_id = id.clone();
        let found = self.db.run(move |conn| list::by_id(conn, &session_id)).await?;
        if found.ended_at.is_some() || found.store_key.is_none() {
            return Ok(found);
        }
        match self.confirm(vec![found]).await?.pop() {
            Some(session) => Ok(session),
            None => self.db.run(move |conn| list::by_id(conn, &id)).await,
        }
    }

    /// How many sessions match. Reads them all: pages use [`Sessions::count_up_to`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn count(&self, query: &ListQuery) -> Result<i64, Error> {
        let filter = query.filter.clone();
        self.db.with_long_timeout().run(move |conn| counts::count(conn, &filter)).await
    }

    /// How many sessions match, counted up to `max`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn count_up_to(&self, query: &ListQuery, max: i64) -> Result<i64, Error> {
        let filter = query.filter.clone();
        self.db.with_long_timeout().run(move |conn| counts::count_up_to(conn, &filter, max)).await
    }

    /// How many of the sessions that match look like one on this page.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn count_alike(&self, query: &ListQuery, page: &[ListedSession]) -> Result<AlikeCounts, Error> {
        let (filter, page) = (query.filter.clone(), page.to_vec());
        self.db.with_long_timeout().run(move |conn| alike::count_alike(conn, &filter, &page)).await
    }

    /// The number of active sessions at `since` or later. Counts at most once a second, and less often when that takes long:
    /// then this waits. A caller that stops polling does not hold up the others: the count goes on without it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be read.
    pub async fn active(self: &Arc<Self>, since: Instant) -> Result<i64, Error> {
        let own = Arc::clone(self);
        let count = async move {
            let everything = ListQuery::default();
            own.active_count.get(since, own.count(&everything)).await
        };
        tokio::spawn(count).await.map_err(Error::internal)?
    }

    /// What ending all that match would do, for the session `own`, which `query` must leave out.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when store or database can't be read.
    pub async fn preview(&self, query: &ListQuery, own: &str) -> Result<Preview, Error> {
        // The page first: sessions that the store turns out to have lost are not counted then.
        let rows = self.page(query, None).await?.rows;
        let count = self.count(query).await?;
        let filter = query.filter.clone();
        let users = self.db.with_long_timeout().run(move |conn| counts::count_users(conn, &filter)).await?;
        let chosen = query.filter.ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id == own));
        let own = Filter { except: None, ids: Some(vec![own.to_owned()]), ..query.filter.clone() };
        let includes_own =
            chosen && self.count(&ListQuery { filter: own, ..ListQuery::default() }).await? > 0;
        Ok(Preview { count, users, rows, includes_own })
    }

    /// The keys of the next page and of one row more, and those of the sessions that still match.
    async fn read_page(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<Cursor>,
    ) -> Result<(Vec<Cursor>, Vec<ListedSession>), Error> {
        let filter = filter.clone();
        let read = move |conn: &mut DbConnection| {
            let keys = list::page_keys(conn, &filter, order, after.as_ref(), PAGE_SIZE as i64 + 1)?;
            let rows = list::rows_at(conn, &filter, &keys)?;
            Ok((keys, rows))
        };
        self.db.with_long_timeout().run(read).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::db::test_database;

    #[actix_web::test]
    async fn active_count_caller_that_stops_polling_does_not_block_others() {
        let (_folder, config, db) = test_database().await;
        let sessions = Arc::new(Sessions::new(&config, db).await.unwrap());
        sessions.active(Instant::now()).await.unwrap();

        // It waits for the pause between counts; then nothing polls it any more.
        let mut stalled = Box::pin(sessions.active(Instant::now()));
        assert!(tokio::time::timeout(Duration::from_millis(100), &mut stalled).await.is_err());
        let counted = tokio::time::timeout(Duration::from_secs(5), sessions.active(Instant::now())).await;
        assert_eq!(counted.expect("the second caller waits for the first").unwrap(), 0);
    }
}
