//! `gatehouse sessions`: lists and ends sessions with the filters of the administrator's page, and compares catalogue and store.

use std::io::BufRead as _;

use clap::Subcommand;

use super::{
    progress::progress,
    report::{checked_remarks, error_line, json_line, line, option_lines, plain, rfc3339, text},
    stores,
    table::Table,
};
use crate::{
    admin::sessions::{filter::FilterFields, list_fields::ListFields},
    config::Config,
    sessions::{
        EndReason, EndRequest, Sessions,
        catalogue::{device, filter::ListQuery, list::ListedSession},
    },
    web::grouped_count,
};

#[derive(Subcommand)]
pub(super) enum SessionsCommand {
    /// List sessions, newest activity first
    List {
        #[command(flatten)]
        filter: FilterFields,
        /// active or ended
        #[arg(long, default_value = "")]
        state: String,
        /// seen or started
        #[arg(long, default_value = "")]
        sort: String,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// End all sessions that match
    End {
        #[command(flatten)]
        filter: FilterFields,
        /// Match every session, where no filter is given
        #[arg(long)]
        all: bool,
        /// What those who are signed out read; not needed with --dry-run
        #[arg(long, required_unless_present = "dry_run")]
        reason: Option<String>,
        /// For the record only
        #[arg(long, default_value = "")]
        note: String,
        /// Say which would end, and end none
        #[arg(long)]
        dry_run: bool,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
    /// Compare catalogue and store both ways; exit status 1 when they differ
    Verify {
        /// End sessions that the store lost, delete entries that have no session
        #[arg(long)]
        repair: bool,
        /// Repair even where catalogue and store have nothing in common, which ends all sessions
        #[arg(long, requires = "repair")]
        yes: bool,
    },
}

/// Runs one of the commands.
pub(super) async fn run(config: &Config, command: SessionsCommand) -> Result<(), String> {
    let (_, sessions) = stores::open(config).await?;
    stores::wait(&sessions).await?;
    let result = run_on(&sessions, command).await;
    sessions.send_queued().await;
    result
}

async fn run_on(sessions: &Sessions, command: SessionsCommand) -> Result<(), String> {
    match command {
        SessionsCommand::List { filter, state, sort, json } => {
            let query = read(ListFields { filter, state, sort, after: String::new() })?;
            let query = sessions.resolve(query).await.map_err(error_line)?;
            list(sessions, &query, json).await
        }
        SessionsCommand::End { filter, all, reason, note, dry_run, json, yes } => {
            if !all && !filter.is_narrowed() {
                return Err("Give at least one filter, or --all to end every session.".into());
            }
            let person = filter.q.clone();
            let query = sessions.resolve(read(filter.into())?).await.map_err(error_line)?;
            if query.filter.is_for_nobody() {
                return Err(format!(
                    "--q: nobody's name or address has {} in it; nothing was ended",
                    plain(&person)
                ));
            }
            if dry_run {
                return list(sessions, &query, json).await;
            }
            let remarks = checked_remarks(&reason.unwrap_or_default(), &note)?;
            if remarks.message.is_none() {
                return Err("--reason: say why, on one line of at most 200 characters.".into());
            }
            let request = EndRequest { remarks, ..EndRequest::by_system(EndReason::EndedByAdmin) };
            end(sessions, &query, request, yes, json).await
        }
        SessionsCommand::Verify { repair, yes } => verify(sessions, repair, yes).await,
    }
}

/// The query of the fields; the error names the option of each mistake.
fn read(fields: ListFields) -> Result<ListQuery, String> {
    fields.read().map_err(|errors| option_lines(&errors))
}

async fn list(sessions: &Sessions, query: &ListQuery, json: bool) -> Result<(), String> {
    let mut after = None;
    let mut count = 0;
    let mut table = Table::new(["SESSION", "PERSON", "DEVICE", "ADDRESS", "METHOD", "STATE"]);
    loop {
        let page = sessions.page(query, after.as_ref()).await.map_err(error_line)?;
        count += page.rows.len();
        match json {
            true => page.rows.iter().try_for_each(|session| line(&as_json(session)))?,
            false => table.write(page.rows.iter().map(as_row).collect())?,
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if !json {
        line(&format!("{} {}.", grouped_count(count), session_or_sessions(count)))?;
    }
    Ok(())
}

async fn end(
    sessions: &Sessions,
    query: &ListQuery,
    request: EndRequest,
    yes: bool,
    json: bool,
) -> Result<(), String> {
    let count = sessions.count(query).await.map_err(error_line)?;
    if count == 0 {
        line(if json { r#"{"ended":0}"# } else { "No active session matches." })?;
        return Ok(());
    }
    if !yes && !ask_to_end(count)? {
        return Err("Nothing was ended.".into());
    }
    let bar = progress("ended", u64::try_from(count).unwrap_or(0));
    let on_progress = async |ended| bar.set_position(u64::try_from(ended).unwrap_or(0));
    let outcome = sessions.end_many(query, request, None, on_progress).await.map_err(error_line)?;
    bar.finish_and_clear();
    if json {
        line(&serde_json::json!({ "ended": outcome.count, "confirmed": outcome.confirmed }).to_string())?;
    } else {
        line(&format!("{} {} ended.", grouped_count(outcome.count), session_or_sessions(outcome.count)))?;
    }
    if outcome.confirmed {
        Ok(())
    } else {
        Err("They are refused from now on, but the store has not confirmed that all entries are gone; the server goes on trying.".into())
    }
}

/// Asks on the terminal whether to end so many sessions.
fn ask_to_end(count: i64) -> Result<bool, String> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    text(&format!("End {} {}? [y/N] ", grouped_count(count), session_or_sessions(count)))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| error.to_string())?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn session_or_sessions(count: usize) -> &'static str {
    if count == 1 { "session" } else { "sessions" }
}

fn as_row(session: &ListedSession) -> [String; 6] {
    let device = device::describe(&session.browser, &session.browser_version, &session.os);
    let status = match (&session.ended_at, &session.end_reason) {
        (Some(at), Some(reason)) => format!("ended {} ({})", rfc3339(*at), reason.name()),
        _ => format!("seen {}", rfc3339(session.last_seen_at)),
    };
    let person = format!("{} <{}>", session.name, session.email);
    let method = session.method.name().to_owned();
    [session.id.clone(), person, device, session.ip.clone(), method, status]
}

fn as_json(session: &ListedSession) -> String {
    json_line(&serde_json::json!({
        "id": session.id,
        "user_id": session.user_id,
        "name": session.name,
        "email": session.email,
        "role": session.role,
        "ip": session.ip,
        "browser": session.browser,
        "browser_version": session.browser_version,
        "os": session.os,
        "device": session.device,
        "user_agent": session.user_agent,
        "remembered": session.remembered,
        "bound_at": session.bound_at.map(rfc3339),
        "method": session.method,
        "created_at": rfc3339(session.created_at),
        "last_seen_at": rfc3339(session.last_seen_at),
        "expires_at": rfc3339(session.expires_at),
        "ended_at": session.ended_at.map(rfc3339),
        "end_reason": session.end_reason,
        "end_message": session.end_message,
        "end_note": session.end_note,
        "ended_by": session.ended_by,
    }))
}

async fn verify(sessions: &Sessions, repair: bool, yes: bool) -> Result<(), String> {
    let found = sessions.verify().await.map_err(error_line)?;
    line(&format!("{} live sessions and {} store entries compared.", found.live, found.entries))?;
    for (sessions, label) in [
        (&found.missing, "session without an entry in the store"),
        (&found.expired, "session that has expired and waits to be swept"),
        (&found.never_stored, "sign-in that was cut off before its session was stored"),
    ] {
        for session in sessions {
            line(&format!("{label}: {}", session.id))?;
        }
    }
    for store_key in &found.stray {
        line(&format!("store entry without a session: {}", plain(store_key)))?;
    }
    if found.is_empty() {
        line("They agree.")?;
        return Ok(());
    }
    match (repair, found.doubt()) {
        (false, None) => return Err("Catalogue and store differ; --repair puts it right.".into()),
        (false, Some(doubt)) => return Err(format!("Catalogue and store differ: {doubt}")),
        (true, Some(doubt)) if !yes => {
            return Err(format!("Nothing was repaired: {doubt} --yes repairs all the same."));
        }
        (true, _) => {}
    }
    sessions.repair(&found).await.map_err(error_line)?;
    line("Repaired.")?;
    Ok(())
}
