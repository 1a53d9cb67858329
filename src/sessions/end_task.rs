//! An end of very many sessions, which goes on after the request that asked for it and records how far it is.

use std::sync::Arc;

use actix_web::rt;
use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{
    catalogue::{cursor::is_session_id, end::EndRequest, filter::ListQuery, rights::AdminRights},
    request::current::Administrator,
    service::Sessions,
};
use crate::{
    clock::now,
    crypto::random_url_safe,
    db::{
        Db, DbConnection,
        schema::bulk_ends::{self, dsl},
        text_enum,
    },
    error::Error,
};

/// A task that has not moved for so long has stopped, with the server that ran it.
const STOPPED_AFTER: time::Duration = time::Duration::seconds(60);

text_enum! {
    /// Why a task has not ended everything that matched, or what is left to do.
    pub enum EndProblem {
        /// The store has not confirmed that all entries are deleted.
        Unconfirmed => "unconfirmed",
        /// The administrator who began it has lost that role.
        NoAdministrator => "no_administrator",
        /// That administrator has no second factor any more, which is required.
        SecondFactorMissing => "second_factor_missing",
        /// The session of the administrator who began it has ended.
        SignedOut => "signed_out",
        /// A store did not answer.
        CutOff => "cut_off",
    } else CutOff
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = bulk_ends)]
pub struct EndTask {
    /// When it last made progress.
    pub moved_at: PrimitiveDateTime,
    /// When it finished.
    pub finished_at: Option<PrimitiveDateTime>,
    /// How many sessions matched when it began.
    pub expected: i64,
    /// How many have ended by it.
    pub ended: i64,
    /// What went wrong.
    pub problem: Option<EndProblem>,
}

impl EndTask {
    /// Whether it stopped without finishing.
    pub fn has_stopped(&self) -> bool {
        self.finished_at.is_none() && now() - self.moved_at > STOPPED_AFTER
    }
}

impl Sessions {
    /// Begins to end the sessions that match in the background, for the session `asked_by` of an administrator. Returns the id of
    /// the task.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database can't be reached; then nothing has begun.
    pub async fn begin_end_many(
        self: Arc<Self>,
        query: ListQuery,
        request: EndRequest,
        asked_by: &Administrator,
        expected: i64,
    ) -> Result<String, Error> {
        let id = random_url_safe::<16>()?;
        let (row, by) = (id.clone(), asked_by.id);
        self.db.transaction(move |conn| insert(conn, &row, by, expected)).await?;
        rt::spawn(self.run_end_task(id.clone(), query, request, asked_by.rights()));
        Ok(id)
    }

    /// How far a task is.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none with that id.
    pub async fn end_task(&self, id: &str) -> Result<EndTask, Error> {
        if !is_session_id(id) {
            return Err(Error::NotFound);
        }
        let id = id.to_owned();
        self.db.run(move |conn| Ok(bulk_ends::table.find(id).select(EndTask::as_select()).first(conn)?)).await
    }

    async fn run_end_task(
        self: Arc<Self>,
        id: String,
        query: ListQuery,
        request: EndRequest,
        asked_by: AdminRights,
    ) {
        let on_progress = async |ended: usize| self.record_progress(&id, ended).await;
        let problem = match self.end_many(&query, request, Some(asked_by), on_progress).await {
            Ok(outcome) => (!outcome.confirmed).then_some(EndProblem::Unconfirmed),
            Err(Error::Forbidden(_)) => Some(EndProblem::NoAdministrator),
            Err(Error::SecondFactorMissing) => Some(EndProblem::SecondFactorMissing),
            Err(Error::SignInFirst) => Some(EndProblem::SignedOut),
            Err(error) => {
                tracing::error!(error = ?error.causes(), id, "an end of many sessions did not finish");
                Some(EndProblem::CutOff)
            }
        };
        let finish = move |conn: &mut DbConnection, id: &str| {
            let set = (dsl::finished_at.eq(now()), dsl::problem.eq(problem));
            diesel::update(bulk_ends::table.find(id)).set(set).execute(conn)
        };
        if let Err(error) = self.update_task(&id, finish).await {
            tracing::error!(error = ?error.causes(), id, "that an end of many sessions has finished could not be written");
        }
    }

    /// Records how far a task is. What can't be written now is written after the next chunk.
    async fn record_progress(&self, id: &str, ended: usize) {
        let ended = i64::try_from(ended).unwrap_or(i64::MAX);
        let write = move |conn: &mut DbConnection, id: &str| {
            let set = (dsl::ended.eq(ended), dsl::moved_at.eq(now()));
            diesel::update(bulk_ends::table.find(id)).set(set).execute(conn)
        };
        if let Err(error) = self.update_task(id, write).await {
            tracing::warn!(error = ?error.causes(), id, "the progress of an end could not be written");
        }
    }

    async fn update_task(
        &self,
        id: &str,
        update: impl Fn(&mut DbConnection, &str) -> QueryResult<usize> + Copy + Send + 'static,
    ) -> Result<(), Error> {
        let update = async |db: &Db| {
            let row = id.to_owned();
            db.run(move |conn| Ok(update(conn, &row)?)).await
        };
        self.db.with_retries(update).await.map(drop)
    }
}

fn insert(conn: &mut DbConnection, id: &str, by: i64, expected: i64) -> Result<(), Error> {
    let at = now();
    diesel::insert_into(bulk_ends::table)
        .values((
            dsl::id.eq(id),
            dsl::started_at.eq(at),
            dsl::moved_at.eq(at),
            dsl::by_user.eq(by),
            dsl::expected.eq(expected),
            dsl::ended.eq(0),
        ))
        .execute(conn)?;
    Ok(())
}
