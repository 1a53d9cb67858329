//! Whether answers take the same time, so that time tells nobody who has an account.

use std::time::{Duration, Instant};

/// Requests of each kind in a series.
const SERIES: usize = 50;

/// Asserts that requests about accounts that exist (`true`) and those that don't take the same time: their medians differ by less than
/// 10 %. Other tests keep the machine busy, so a series may be off. Each request is numbered.
#[track_caller]
pub fn assert_same_time(mut send: impl AsyncFnMut(bool, usize)) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let (mut ratios, mut number) = (Vec::new(), 0);
        for _ in 0..20 {
            let [mut known, mut unknown] = [const { Vec::new() }; 2];
            for _ in 0..SERIES {
                for (is_known, times) in [(true, &mut known), (false, &mut unknown)] {
                    number += 1;
                    let start = Instant::now();
                    send(is_known, number).await;
                    times.push(start.elapsed());
                }
            }
            let ratio = median(known).as_secs_f64() / median(unknown).as_secs_f64();
            if (0.9..=1.1).contains(&ratio) {
                return;
            }
            ratios.push(ratio);
        }
        panic!("{caller}: known / unknown: {ratios:?}");
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
