//! The thread on which an application runs in the test's process.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use actix_web::web::ServiceConfig;
use gatehouse::config::Config;
use tokio::sync::oneshot;

use super::{app::Routes, program::Vars};

/// How long an application may take to stop before the test goes on without it.
pub(super) const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// A running application. It has a thread of its own, so that a test may block, panic, or end without stopping it.
pub(super) struct Instance {
    stop: oneshot::Sender<()>,
    stopped: mpsc::Receiver<()>,
}

/// What an application that has started says of itself.
pub(super) struct Started {
    pub instance: Instance,
    pub address: Arc<Mutex<SocketAddr>>,
    pub setup_link: Option<String>,
    pub ops_addr: Option<SocketAddr>,
}

/// What a test changes in the configuration that was read.
pub(super) type Adjustment = fn(&mut Config);

type StartResult = Result<(SocketAddr, Option<String>, Option<SocketAddr>), String>;

impl Instance {
    /// Starts an application; the error is what it says of why it can't start.
    pub async fn start(vars: Vars, routes: Routes, adjustment: Adjustment) -> Result<Started, String> {
        let (stop, stop_requested) = oneshot::channel();
        let (ended, stopped) = mpsc::channel();
        let (started, start) = oneshot::channel();
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(run((vars, adjustment), routes, started, stop_requested));
            drop(ended);
        });
        let started = start.await.unwrap_or_else(|_| Err("it panicked while starting".to_owned()));
        let (addr, setup_link, ops_addr) = started?;
        let instance = Self { stop, stopped };
        Ok(Started { instance, address: Arc::new(Mutex::new(addr)), setup_link, ops_addr })
    }

    /// Stops the application; returns false when that takes longer than [`STOP_DEADLINE`].
    pub fn stop(self) -> bool {
        // An error means that the thread has ended already.
        let _ = self.stop.send(());
        !matches!(self.stopped.recv_timeout(STOP_DEADLINE), Err(mpsc::RecvTimeoutError::Timeout))
    }
}

async fn run(
    (vars, adjustment): (Vars, Adjustment),
    routes: Routes,
    started: oneshot::Sender<StartResult>,
    stop_requested: oneshot::Receiver<()>,
) {
    let running = match Config::from_vars(vars) {
        Ok(mut config) => {
            adjustment(&mut config);
            let app = gatehouse::app::start(config, move |cfg: &mut ServiceConfig| routes(cfg));
            app.await.map_err(|error| format!("{error:#}"))
        }
        Err(mistakes) => Err(mistakes.to_string()),
    };
    match running {
        Ok(running) => {
            if started.send(Ok((running.addr, running.setup_link.clone(), running.ops_addr()))).is_ok() {
                let _ = stop_requested.await;
            }
            running.stop().await;
        }
        Err(error) => drop(started.send(Err(error))),
    }
}
