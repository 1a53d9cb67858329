//! Ending all sessions that match a query, chunk by chunk, so that other requests get through in between.

use futures_util::future::join_all;

use super::{
    catalogue::{
        cursor::Cursor,
        end::{self, EndOutcome, EndRequest, Ended, Target},
        filter::{Filter, ListQuery, Order},
        list,
        rights::AdminRights,
    },
    service::Sessions,
};
use crate::{
    clock::now,
    db::{Db, DbConnection},
    error::Error,
};

/// Sessions that are ended before the next are looked up.
pub const CHUNK: i64 = 1_000;

/// Sessions that one transaction ends: four run at once, because each mostly waits for index pages.
const PART: usize = 250;

/// What became of a chunk.
#[derive(Default)]
struct Chunk {
    ended: Vec<Ended>,
    /// Why others have not ended.
    error: Option<Error>,
}

impl Sessions {
    /// Ends all active sessions that match and began before now, or before the filter's own time. `on_progress` is called after
    /// each chunk with the number that have ended so far. Sessions that are used meanwhile move in the list, so it is
    /// walked until a walk from the start finds nothing. `asked_by`: the session of the administrator who asked for it, which must
    /// not match; `None`: nobody has to be one.
    ///
    /// # Errors
    /// As [`AdminRights::check`], when that session has ended or lost its rights; [`Error::Unavailable`] when the database
    /// can't be reached. What has ended by then stays ended; `on_progress` was told how many those are.
    pub async fn end_many(
        &self,
        query: &ListQuery,
        request: EndRequest,
        asked_by: Option<AdminRights>,
        mut on_progress: impl AsyncFnMut(usize),
    ) -> Result<EndOutcome, Error> {
        let started_by = query.filter.started_by.unwrap_or_else(now);
        let filter = Filter { ended: false, started_by: Some(started_by), ..query.filter.clone() };
        let mut outcome = EndOutcome::NONE;
        let mut after: Option<Cursor> = None;
        let mut keys = self.next_keys(&filter, None).await?;
        let mut last = Vec::new();
        // A walk from the start that finds nothing means that all have ended.
        while !keys.is_empty() || after.is_some() {
            let reached = keys.last().cloned();
            // While the catalogue ends one chunk, the store deletes the chunk before, and the next is looked up.
            let (Chunk { ended, error }, (confirmed, next)) =
                tokio::join!(self.end_chunk(&keys, &request, asked_by.as_ref()), async {
                    let confirmed = self.announce_and_delete(&last).await.confirmed;
                    on_progress(outcome.count).await;
                    (confirmed, self.next_keys(&filter, reached.as_ref()).await)
                });
            outcome.confirmed &= confirmed;
            outcome.count += ended.len();
            last = ended;
            keys = match error.map_or(next, Err) {
                Ok(keys) => keys,
                Err(error) => {
                    self.announce_and_delete(&last).await;
                    on_progress(outcome.count).await;
                    return Err(error);
                }
            };
            after = reached;
        }
        Ok(outcome)
    }

    async fn next_keys(&self, filter: &Filter, after: Option<&Cursor>) -> Result<Vec<Cursor>, Error> {
        let read = async |db: &Db| {
            let (filter, after) = (filter.clone(), after.cloned());
            db.run(move |conn| list::page_keys(conn, &filter, Order::Seen, after.as_ref(), CHUNK)).await
        };
        self.db.with_retries(read).await
    }

    async fn end_chunk(
        &self,
        keys: &[Cursor],
        request: &EndRequest,
        asked_by: Option<&AdminRights>,
    ) -> Chunk {
        let mut chunk = Chunk::default();
        let ids: Vec<String> = keys.iter().map(|key| key.id().to_owned()).collect();
        for result in join_all(ids.chunks(PART).map(|part| self.end_part(part, request, asked_by))).await {
            match result {
                Ok(ended) => chunk.ended.extend(ended),
                Err(error) => chunk.error = Some(error),
            }
        }
        chunk
    }

    /// Ends these sessions in one transaction, if the one who asked for it still may. Waits for locks on their rows.
    async fn end_part(
        &self,
        ids: &[String],
        request: &EndRequest,
        asked_by: Option<&AdminRights>,
    ) -> Result<Vec<Ended>, Error> {
        let in_store = self.has_entries();
        let end = async |db: &Db| {
            let (target, request, asked_by) = (Target::Ids(ids.to_vec()), request.clone(), asked_by.cloned());
            let work = move |conn: &mut DbConnection| {
                let ended = end::end(conn, &target, &request, in_store)?;
                // Checked once the rows are locked, since the locks may have been waited for.
                asked_by.map_or(Ok(()), |rights| rights.check(conn))?;
                Ok(ended)
            };
            db.transaction(work).await
        };
        self.db.with_retries(end).await
    }
}
