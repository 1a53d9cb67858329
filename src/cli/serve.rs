//! `gatehouse serve`: starts, serves, and stops on a signal.

use sd_notify::NotifyState;
use tokio::signal::unix::SignalKind;

use super::{report, signals::Signals, troubles};
use crate::{
    accounts::setup,
    app::{self, Running},
    config::Config,
};

/// Serves until a signal. SIGTERM lets proxies leave first, SIGINT (Ctrl-C) does not; a second signal ends the program at once.
///
/// # Errors
/// The text for standard error.
pub(super) async fn serve(config: Config) -> Result<(), String> {
    for trouble in troubles(&config) {
        tracing::warn!("{trouble}");
    }
    // Before anything else: as the first process of a container, the program would not be ended by a signal that it does not wait for.
    let mut signals = Signals::new().map_err(report::error_line)?;
    let longest_stop = app::longest_stop(&config.server);
    let base_url = config.server.base_url.clone();
    let mut running = tokio::select! {
        running = app::start(config, |_| {}) => running.map_err(report::error_line)?,
        _ = signals.next() => {
            tracing::info!("stopped before the start was complete");
            return Ok(());
        }
    };
    tracing::info!(listen = %running.addr, site = %base_url, "serving");
    if let Some(addr) = running.ops_addr() {
        tracing::info!(listen = %addr, "serving metrics and health");
    }
    setup::print_link(running.setup_link.as_deref());
    tell_service_manager(NotifyState::Ready);
    let asked = tokio::select! {
        result = running.wait() => return result.map_err(report::error_line),
        asked = signals.next() => asked,
    };
    tracing::info!("stopping");
    tell_service_manager(NotifyState::Stopping);
    tokio::select! {
        () = stop(running, asked) => Ok(()),
        _ = signals.next() => {
            Err("a second signal: ended at once, requests that were open are cut off".to_owned())
        }
        () = tokio::time::sleep(longest_stop) => {
            tracing::warn!("stopped without what would have taken longer");
            Ok(())
        }
    }
}

async fn stop(running: Running, asked: SignalKind) {
    if asked == SignalKind::terminate() {
        running.drain().await;
    }
    running.stop().await;
}

/// Tells systemd, where it waits to hear (`Type=notify`).
fn tell_service_manager(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
