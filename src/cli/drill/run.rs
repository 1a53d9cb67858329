//! The course of a drill: a session is started, used at every instance, ended while it is used, and looked for until all refuse it.

use std::{io::BufRead as _, sync::Arc, thread, time::Duration};

use futures_util::future::join_all;
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, timeout},
};

use super::{
    arguments::DrillArguments,
    in_flight::InFlight,
    plan::Plan,
    probe::Probe,
    results::Results,
    stream::Stream,
    use_of_session::{Outcome, Window},
};
use crate::{
    accounts::Canary,
    cli::{
        failure::Failure,
        operator::Operator,
        report::{error_line, remark},
        signals::Signals,
    },
    config::Config,
    sessions::{CanarySession, EndReason, EndRequest, Remarks, Sessions, Target},
    users::{User, canary::ADDRESS},
};

/// Longest wait for Enter.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);
/// Time for everything else but `--within`, after which the session ends by itself: this process may be killed.
const LONGEST_REST: Duration = Duration::from_secs(5 * 60);
/// How long the requests in flight are on their way before the session ends, so that they are let in first.
const HEAD_START: Duration = Duration::from_millis(200);

/// Runs a drill.
pub(in crate::cli) async fn run(config: &Config, arguments: DrillArguments) -> Result<(), Failure> {
    let plan = Plan::new(config, arguments).map_err(Failure::could_not_run)?;
    let results = of_session(config, &plan).await.map_err(Failure::could_not_run)?;
    match plan.json {
        true => results.write_json()?,
        false => results.write_table()?,
    }
    if results.drill.passed { Ok(()) } else { Err(Failure::from(format!("Drill {}.", results.summary()))) }
}

/// Opens the stores, and runs the drill between the start and the end of a session. Whatever becomes of it, the session has ended
/// afterwards. The error says why nothing was found out.
async fn of_session(config: &Config, plan: &Plan) -> Result<Results, String> {
    let mut signals = Signals::new().map_err(error_line)?;
    let operator = Operator::open(config).await?;
    operator.wait_for_store().await?;
    let user = ready_account(&operator).await?;
    let longest = plan.within + LONGEST_PAUSE + LONGEST_REST;
    let session = operator.sessions.start_canary(&user, longest).await.map_err(error_line)?;
    let drilled = tokio::select! {
        drilled = drill(plan, &operator.sessions, &session) => drilled,
        _ = signals.next() => Err("stopped by a signal; nothing was measured".to_owned()),
    };
    // Those too that an earlier drill has left, which was killed.
    let ended = end(&operator.sessions, Target::AllOf { user: user.id }).await;
    operator.sessions.send_queued().await;
    let results = Results::new(drilled?, plan.within, session.id);
    ended?;
    let recorded = operator.accounts.record_drill(user.id, results.drill.clone(), results.summary()).await;
    recorded.map_err(|error| {
        format!("Drill {}. It was not recorded: {}", results.summary(), error_line(error))
    })?;
    Ok(results)
}

async fn ready_account(operator: &Operator<'_>) -> Result<Box<User>, String> {
    match operator.accounts.canary().await.map_err(error_line)? {
        Canary::Ready(user) => Ok(user),
        Canary::Administrator => Err(format!(
            "{ADDRESS} is an administrator, and a drill starts no session of one: gatehouse user set-role {ADDRESS} user"
        )),
        Canary::Deactivated => Err(format!("{ADDRESS} is deactivated: gatehouse user activate {ADDRESS}")),
    }
}

/// Ends sessions of the drill's account. Returns how many there were.
async fn end(sessions: &Sessions, target: Target) -> Result<usize, String> {
    let remarks = Remarks { message: None, note: Some("Drill".to_owned()) };
    let request = EndRequest { remarks, ..EndRequest::by_system(EndReason::EndedByAdmin) };
    let ended = sessions.end(target, request).await;
    ended.map(|outcome| outcome.count).map_err(|error| {
        let error = error_line(error);
        format!(
            "the sessions of {ADDRESS} could not be ended: {error}. They end by themselves within minutes"
        )
    })
}

/// Uses the session everywhere, ends it, and waits until it is refused everywhere. The error says why nothing was found out.
async fn drill(plan: &Plan, sessions: &Sessions, session: &CanarySession) -> Result<Vec<Outcome>, String> {
    let cookie: Arc<str> = session.cookie.as_str().into();
    let new_probe = |asked: &_| Probe::new(Clone::clone(asked), Arc::clone(&cookie));
    let mut probes: Vec<Probe> = plan.asked.iter().map(new_probe).collect();
    let new_stream = |at: &_| Stream::new(Clone::clone(at), Arc::clone(&cookie));
    let mut streams: Vec<Stream> = plan.instances.iter().map(new_stream).collect();
    open(&mut probes, &mut streams).await?;
    if plan.pause {
        wait_for_enter(probes.len() + streams.len()).await?;
    }
    let (told, ended) = watch::channel(false);
    let new_request = |at: &_| InFlight::begin(Clone::clone(at), Arc::clone(&cookie), ended.clone());
    let in_flight: Vec<InFlight> = plan.instances.iter().map(new_request).collect();
    sleep(HEAD_START).await;
    let window = Window::begin(plan.within);
    let end_now = async {
        let count = end(sessions, Target::Ids(vec![session.id.clone()])).await?;
        told.send_replace(true);
        sessions.send_queued().await;
        Ok::<_, String>(count)
    };
    let (count, mut outcomes, of_streams, of_in_flight) = tokio::join!(
        end_now,
        join_all(probes.iter_mut().map(|probe| probe.until_refused(window))),
        join_all(streams.iter_mut().map(|stream| stream.until_told(window))),
        join_all(in_flight.into_iter().map(|request| request.until_refused(window))),
    );
    if count? == 0 {
        return Err(
            "the session was ended by somebody else, maybe another drill; nothing was measured".to_owned()
        );
    }
    join_all(probes.iter_mut().zip(&mut outcomes).map(|(probe, outcome)| probe.confirm(outcome))).await;
    outcomes.extend(of_streams);
    outcomes.extend(of_in_flight);
    // In the order of the arguments, those of one instance together.
    let at = |outcome: &Outcome| plan.instances.iter().position(|instance| instance.shown == outcome.at);
    outcomes.sort_by_key(|outcome| at(outcome).unwrap_or(usize::MAX));
    Ok(outcomes)
}

/// Checks that the session counts everywhere before it ends. The error has a line for each place where it does not.
async fn open(probes: &mut [Probe], streams: &mut [Stream]) -> Result<(), String> {
    let (probed, opened) = tokio::join!(
        join_all(probes.iter_mut().map(Probe::open)),
        join_all(streams.iter_mut().map(Stream::open)),
    );
    let wrong: Vec<String> = probed.into_iter().chain(opened).filter_map(Result::err).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("the session was not let in before its end, so nothing was measured:\n{}", wrong.join("\n")))
}

/// Waits until somebody presses Enter, or standard input ends.
async fn wait_for_enter(uses: usize) -> Result<(), String> {
    remark(&format!("The session is in use in {uses} places. Press Enter to end it."));
    let (pressed, enter) = oneshot::channel();
    // A thread of its own: reading can't be broken off, and must not hold up the end of the program.
    thread::spawn(move || {
        let read = std::io::stdin().lock().read_line(&mut String::new());
        pressed.send(read.is_ok())
    });
    match timeout(LONGEST_PAUSE, enter).await {
        Ok(_) => Ok(()),
        Err(_) => Err("nobody has pressed Enter; nothing was measured".to_owned()),
    }
}
