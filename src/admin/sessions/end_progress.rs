//! `/admin/sessions/ends/{id}`: an end of very many sessions, which goes on after the request that asked for it. The page
//! is sent as the work proceeds, so that its progress shows without a script.

use std::convert::Infallible;

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    rt,
    web::{self, Bytes, Data},
};
use askama::Template;
use diesel::prelude::*;
use futures_util::{Stream, StreamExt as _, stream};
use time::PrimitiveDateTime;
use tokio::time::{Duration, sleep};

use crate::{
    app::Site,
    db::{
        Db, now,
        schema::bulk_ends::{self, dsl},
    },
    error::Error,
    layout::Layout,
    security::random_url_safe,
    sessions::{
        Administrator, Ending, Ends,
        catalogue::list::{Wanted, is_session_id},
    },
    web::{
        Flash,
        flash::{Notice, UNCONFIRMED},
        grouped,
    },
};

/// Between two looks at how far it is.
const PAUSE: Duration = Duration::from_millis(250);

/// One that has not moved for so long has stopped, with the server that did it.
const STOPPED: time::Duration = time::Duration::seconds(60);

const CUT_OFF: &str = "It was cut off, because the database or the session store did not answer. Look at the list, and \
                       end the others again.";
const STOOD_DOWN: &str = "It was stopped, because the administrator who began it is none any more. Look at the list for the \
                          others.";
const LEFT: &str =
    "It has stopped, perhaps because the server was restarted. Look at the list, and end the others again.";
const UNREADABLE: &str = "How far it is can't be read just now. It may go on; load this page again.";

/// Where the page is cut: progress goes in between.
const PROGRESS: &str = "<!-- progress -->";

/// How far an end is.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = bulk_ends)]
struct BulkEnd {
    moved_at: PrimitiveDateTime,
    finished_at: Option<PrimitiveDateTime>,
    expected: i64,
    ended: i64,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/bulk_end.html")]
struct BulkEndPage {
    layout: Layout,
}

#[derive(Template)]
#[template(path = "admin/_bulk_end_progress.html")]
struct Progress {
    expected: i64,
    ended: i64,
    ended_text: String,
    expected_text: String,
    result: Option<Notice>,
}

/// Starts to end the sessions that match; the result is the id of the page that shows how far it is.
pub async fn begin(
    site: &Data<Site>,
    wanted: Wanted,
    ending: Ending,
    admin: &Administrator,
    expected: i64,
) -> Result<String, Error> {
    let id = random_url_safe::<16>();
    let (row, by) = (id.clone(), admin.id);
    site.db
        .run(move |conn| {
            let at = now();
            Ok(diesel::insert_into(bulk_ends::table)
                .values((
                    dsl::id.eq(row),
                    dsl::started_at.eq(at),
                    dsl::moved_at.eq(at),
                    dsl::by_user.eq(by),
                    dsl::expected.eq(expected),
                    dsl::ended.eq(0),
                ))
                .execute(conn)?)
        })
        .await?;
    rt::spawn(carry_out(site.clone(), id.clone(), wanted, ending));
    Ok(id)
}

async fn carry_out(site: Data<Site>, id: String, wanted: Wanted, ending: Ending) {
    let moved = async |ended: usize| moved(&site.db, &id, ended).await;
    let problem = match site.sessions.end_matching(&wanted, ending, moved).await {
        Ok(ends) => (!ends.confirmed).then_some(UNCONFIRMED),
        Err(Error::Forbidden(_)) => Some(STOOD_DOWN),
        Err(error) => {
            tracing::error!(error = ?error.causes(), id, "an end of many sessions did not finish");
            Some(CUT_OFF)
        }
    };
    let row = id.clone();
    let db = site.db.patient();
    let finished = db.run(move |conn| {
        let set = (dsl::finished_at.eq(now()), dsl::problem.eq(problem));
        Ok(diesel::update(bulk_ends::table.find(row)).set(set).execute(conn)?)
    });
    if let Err(error) = finished.await {
        tracing::error!(error = ?error.causes(), id, "that an end of many sessions has finished could not be written");
    }
}

/// Notes how far it is; what can't be written now is written with the next chunk.
async fn moved(db: &Db, id: &str, ended: usize) {
    let (row, ended) = (id.to_owned(), i64::try_from(ended).unwrap_or(i64::MAX));
    let written = db.run(move |conn| {
        let set = (dsl::ended.eq(ended), dsl::moved_at.eq(now()));
        Ok(diesel::update(bulk_ends::table.find(row)).set(set).execute(conn)?)
    });
    if let Err(error) = written.await {
        tracing::warn!(error = ?error.causes(), id, "the progress of an end could not be written");
    }
}

/// `GET /admin/sessions/ends/{id}`
pub async fn show(
    site: Data<Site>,
    layout: Layout,
    _: Administrator,
    id: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    let bulk_end = find(&site.db, &id).await?;
    let page = BulkEndPage { layout }.render().map_err(Error::internal)?;
    let (head, tail) =
        page.split_once(PROGRESS).ok_or_else(|| Error::bug("the page has no place for progress"))?;
    let (head, tail) = (head.to_owned(), tail.to_owned());
    let lines = progress(site, id, bulk_end);
    let parts = stream::iter([head]).chain(lines).chain(stream::iter([tail]));
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::html())
        // A proxy that collects the page would show the end only.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(parts.map(|part| Ok::<_, Infallible>(Bytes::from(part)))))
}

/// A line for each step that is seen, until it is over.
fn progress(site: Data<Site>, id: String, first: BulkEnd) -> impl Stream<Item = String> {
    stream::unfold(Some(first), move |at| {
        let (site, id) = (site.clone(), id.clone());
        async move {
            let at = at?;
            let (line, over) = at.line();
            let next = if over { None } else { Some(next(&site.db, &id, at).await) };
            Some((line, next))
        }
    })
}

/// The next state that differs, or that is over.
async fn next(db: &Db, id: &str, at: BulkEnd) -> BulkEnd {
    loop {
        sleep(PAUSE).await;
        match find(db, id).await {
            Ok(found) if found != at || found.has_stopped() => return found,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = ?error.causes(), id, "the progress of an end could not be read");
                return BulkEnd { finished_at: Some(now()), problem: Some(UNREADABLE.to_owned()), ..at };
            }
        }
    }
}

async fn find(db: &Db, id: &str) -> Result<BulkEnd, Error> {
    if !is_session_id(id) {
        return Err(Error::NotFound);
    }
    let id = id.to_owned();
    db.run(move |conn| Ok(bulk_ends::table.find(id).select(BulkEnd::as_select()).first(conn)?)).await
}

impl BulkEnd {
    fn has_stopped(&self) -> bool {
        self.finished_at.is_none() && now() - self.moved_at > STOPPED
    }

    /// What the page says, and whether nothing more will come.
    fn line(&self) -> (String, bool) {
        let problem = if self.has_stopped() { Some(LEFT) } else { self.problem.as_deref() };
        let over = self.finished_at.is_some() || self.has_stopped();
        let result = over.then(|| {
            let count = usize::try_from(self.ended).unwrap_or(0);
            let already = usize::try_from(self.expected - self.ended).unwrap_or(0);
            let notice = |confirmed, already| {
                Flash::MatchingEnded { ends: Ends { count, confirmed }, already }.notice()
            };
            match problem {
                None => notice(true, already),
                Some(UNCONFIRMED) => notice(false, already),
                Some(problem) => {
                    Notice { kind: "warning", text: format!("{} {problem}", notice(true, 0).text) }
                }
            }
        });
        let line = Progress {
            expected: self.expected,
            ended: self.ended,
            ended_text: grouped(self.ended),
            expected_text: grouped(self.expected),
            result,
        };
        (line.render().unwrap_or_default(), over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(moved: time::Duration, finished: bool, problem: Option<&str>) -> BulkEnd {
        let moved_at = now() - moved;
        let problem = problem.map(str::to_owned);
        BulkEnd {
            moved_at,
            finished_at: finished.then_some(moved_at),
            expected: 1_205,
            ended: 1_204,
            problem,
        }
    }

    #[test]
    fn each_state_says_how_far_it_is() {
        let second = time::Duration::SECOND;
        for (state, over, words) in [
            (at(second, false, None), false, "1,204 of 1,205"),
            (at(second, true, None), true, "1,204 sessions were ended. 1 was over already."),
            (at(second, true, Some(UNCONFIRMED)), true, "tried again until it does"),
            (at(second, true, Some(CUT_OFF)), true, "It was cut off"),
            (at(second, true, Some(STOOD_DOWN)), true, "It was stopped"),
            (at(time::Duration::minutes(2), false, None), true, "has stopped"),
        ] {
            let (line, is_over) = state.line();
            assert_eq!(is_over, over, "{line}");
            assert!(line.contains(words), "{line}");
        }
    }
}
