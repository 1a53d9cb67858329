//! Waiting for what happens in the background.

use std::{future::Future, panic::Location, time::Duration};

use tokio::time::{Instant, sleep};

const DEADLINE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(20);

/// The result of a probe: `false` and `None` mean "not yet".
pub trait Probe {
    /// What the wait returns.
    type Value;

    /// The value, if the probe found it.
    fn found(self) -> Option<Self::Value>;
}

impl Probe for bool {
    type Value = ();

    fn found(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Probe for Option<T> {
    type Value = T;

    fn found(self) -> Option<T> {
        self
    }
}

/// Runs a probe every 20 milliseconds until it returns `true` or `Some`; panics after a minute.
///
/// ```ignore
/// eventually(|| async { app.active_session_ids().is_empty() }).await;
/// ```
#[track_caller]
pub fn eventually<F, Fut, P>(probe: F) -> impl Future<Output = P::Value>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = P>,
    P: Probe,
{
    eventually_within(DEADLINE, probe)
}

/// The same for what takes longer than a minute on a machine without other work.
#[track_caller]
pub fn eventually_within<F, Fut, P>(longest: Duration, mut probe: F) -> impl Future<Output = P::Value>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = P>,
    P: Probe,
{
    let caller = Location::caller();
    async move {
        let deadline = Instant::now() + longest;
        loop {
            if let Some(value) = probe().await.found() {
                return value;
            }
            assert!(Instant::now() < deadline, "{caller}: still not so after {longest:?}");
            sleep(INTERVAL).await;
        }
    }
}

#[actix_web::test]
async fn eventually_retries_until_found() {
    let mut asked = 0;
    let found = eventually(|| {
        asked += 1;
        let now = asked;
        async move { (now == 3).then_some("there") }
    })
    .await;
    assert_eq!((found, asked), ("there", 3));
}
