//! `/admin/sessions/ends/{id}`: how far an end of very many sessions is. The page is sent as the task proceeds, so that progress
//! shows without a script.

use std::{convert::Infallible, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{self, Bytes, Data},
};
use askama::Template;
use futures_util::{Stream, StreamExt as _, stream};

use crate::{
    admin::forms::BackQuery,
    error::Error,
    layout::{Flash, Layout, Notice},
    sessions::{Administrator, EndOutcome, EndProblem, EndTask, Sessions},
    web::{Query, grouped},
};

/// Between two reads of how far the task is.
const PAUSE: Duration = Duration::from_millis(250);

const CUT_OFF: &str = "It was cut off, because the database or the session store did not answer. Look at the list, and \
                       end the others again.";
const NO_ADMINISTRATOR: &str = "It was stopped, because the administrator who began it is none any more. Look at the list \
                                for the others.";
const NO_SECOND_FACTOR: &str = "It was stopped, because the administrator who began it has no second factor any more, which this \
                                site requires. Look at the list for the others.";
const SIGNED_OUT: &str = "It was stopped, because the session of the administrator who began it has ended. Look at the list \
                          for the others.";
const STOPPED: &str =
    "It has stopped, perhaps because the server was restarted. Look at the list, and end the others again.";
const UNREADABLE: &str = "How far it is can't be read just now. It may go on; load this page again.";

/// Where the page is cut: progress goes in between.
const PROGRESS: &str = "<!-- progress -->";

#[derive(Template)]
#[template(path = "admin/sessions/end_progress.html")]
struct EndProgressPage {
    layout: Layout,
    back: String,
}

#[derive(Template)]
#[template(path = "admin/sessions/_end_progress_status.html")]
struct Progress {
    expected: i64,
    ended: i64,
    ended_text: String,
    expected_text: String,
    /// Whether screen readers read this line; they would fall behind if they read every one.
    is_read_out: bool,
    result: Option<Notice>,
}

/// The address of a task's page, which leads back to the page with the form that began it.
pub(super) fn href(id: &str, back: &str) -> String {
    format!("/admin/sessions/ends/{id}{}", BackQuery::to(back))
}

/// `GET /admin/sessions/ends/{id}`
pub async fn show(
    sessions: Data<Sessions>,
    layout: Layout,
    _: Administrator,
    id: web::Path<String>,
    query: Query<BackQuery>,
) -> Result<HttpResponse, Error> {
    let id = id.into_inner();
    let back = query.page();
    let task = sessions.end_task(&id).await?;
    let page = EndProgressPage { layout, back }.render().map_err(Error::internal)?;
    let (head, tail) =
        page.split_once(PROGRESS).ok_or_else(|| Error::bug("the page has no place for progress"))?;
    let (head, tail) = (head.to_owned(), tail.to_owned());
    let parts =
        stream::iter([head]).chain(progress(sessions.into_inner(), id, task)).chain(stream::iter([tail]));
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::html())
        // A proxy that buffers the page would show only its end.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(parts.map(|part| Ok::<_, Infallible>(Bytes::from(part)))))
}

/// What the page says of one state of the task.
struct Step {
    line: String,
    /// Nothing more will come.
    is_last: bool,
}

/// A line for each state that is seen, until the task is over. Each is sent before the next state is waited for.
fn progress(sessions: Arc<Sessions>, id: String, first: EndTask) -> impl Stream<Item = String> {
    let Step { line, is_last } = step(&first, true);
    let shown = (!is_last).then_some(first);
    let later = stream::unfold(shown, move |shown| {
        let (sessions, id) = (Arc::clone(&sessions), id.clone());
        async move {
            let shown = shown?;
            let read_out = quarter(&shown);
            match next(&sessions, &id, shown).await {
                Ok(task) => {
                    let step = step(&task, quarter(&task) != read_out);
                    Some((step.line, (!step.is_last).then_some(task)))
                }
                Err(shown) => Some((unreadable(&shown), None)),
            }
        }
    });
    stream::iter([line]).chain(later)
}

/// Which quarter of the sessions is being ended, from 0.
fn quarter(task: &EndTask) -> i64 {
    task.ended.saturating_mul(4) / task.expected.max(1)
}

/// The next state that differs; `Err` with the last known one when it can't be read.
async fn next(sessions: &Sessions, id: &str, task: EndTask) -> Result<EndTask, EndTask> {
    loop {
        tokio::time::sleep(PAUSE).await;
        match sessions.end_task(id).await {
            Ok(found) if found != task || found.has_stopped() => return Ok(found),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = ?error.causes(), id, "the progress of an end could not be read");
                return Err(task);
            }
        }
    }
}

fn step(task: &EndTask, is_read_out: bool) -> Step {
    let is_last = task.finished_at.is_some() || task.has_stopped();
    Step { line: line(task, is_read_out, is_last.then(|| result(task))), is_last }
}

fn unreadable(task: &EndTask) -> String {
    line(task, true, Some(incomplete(task, UNREADABLE)))
}

fn result(task: &EndTask) -> Notice {
    let already = usize::try_from(task.expected - task.ended).unwrap_or(0);
    match task.problem {
        _ if task.has_stopped() => incomplete(task, STOPPED),
        None => ended(task, true, already),
        Some(EndProblem::Unconfirmed) => ended(task, false, already),
        Some(EndProblem::NoAdministrator) => incomplete(task, NO_ADMINISTRATOR),
        Some(EndProblem::SecondFactorMissing) => incomplete(task, NO_SECOND_FACTOR),
        Some(EndProblem::SignedOut) => incomplete(task, SIGNED_OUT),
        Some(EndProblem::CutOff) => incomplete(task, CUT_OFF),
    }
}

fn ended(task: &EndTask, confirmed: bool, already: usize) -> Notice {
    let count = usize::try_from(task.ended).unwrap_or(0);
    Flash::MatchingEnded { ends: EndOutcome { count, confirmed }, already }.notice()
}

fn incomplete(task: &EndTask, why: &str) -> Notice {
    Notice { kind: "warning", text: format!("{} {why}", ended(task, true, 0).text) }
}

fn line(task: &EndTask, is_read_out: bool, result: Option<Notice>) -> String {
    let progress = Progress {
        expected: task.expected,
        ended: task.ended,
        ended_text: grouped(task.ended),
        expected_text: grouped(task.expected),
        is_read_out: is_read_out || result.is_some(),
        result,
    };
    progress.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn at(moved: time::Duration, finished: bool, problem: Option<EndProblem>) -> EndTask {
        let moved_at = now() - moved;
        EndTask {
            moved_at,
            finished_at: finished.then_some(moved_at),
            expected: 1_205,
            ended: 1_204,
            problem,
        }
    }

    #[test]
    fn progress_line_matches_task_state() {
        let second = time::Duration::SECOND;
        for (state, over, words) in [
            (at(second, false, None), false, "1,204 of 1,205"),
            (at(second, true, None), true, "1,204 sessions were ended. 1 was over already."),
            (at(second, true, Some(EndProblem::Unconfirmed)), true, "tried again until it does"),
            (at(second, true, Some(EndProblem::CutOff)), true, "It was cut off"),
            (at(second, true, Some(EndProblem::NoAdministrator)), true, "is none any more"),
            (at(second, true, Some(EndProblem::SecondFactorMissing)), true, "no second factor any more"),
            (at(second, true, Some(EndProblem::SignedOut)), true, "has ended"),
            (at(time::Duration::minutes(2), false, None), true, "has stopped"),
        ] {
            let Step { line, is_last } = step(&state, false);
            assert_eq!(is_last, over, "{line}");
            assert!(line.contains(words), "{line}");
            assert_eq!(line.contains("<div aria-hidden"), !over, "the result is read out: {line}");
        }
    }

    #[test]
    fn progress_is_read_out_once_in_each_quarter() {
        let quarters = [0, 100, 249, 250, 499, 700, 750, 999, 1_000].map(|ended| {
            quarter(&EndTask { ended, expected: 1_000, ..at(time::Duration::SECOND, false, None) })
        });
        assert_eq!(quarters, [0, 0, 0, 1, 1, 2, 3, 3, 4]);
    }
}
