//! What it costs to judge new passwords: many that are generated, of the kinds that take an estimator longest.

use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use gatehouse::users::password::Policy;
use rustix::time::{ClockId, clock_gettime};

use crate::stats::{median, percentile};

/// Longest password that is judged at all, in characters.
const MAX_LENGTH: usize = 128;

/// What passwords of one kind are made of, in any order and up to any length.
struct Kind {
    name: &'static str,
    parts: &'static [&'static str],
    /// Whether a few parts are chosen first and then repeated.
    repeats: bool,
}

const LOOK_ALIKES: &[&str] = &[
    "4", "@", "8", "(", "{", "[", "<", "3", "6", "9", "1", "!", "|", "/", "0", "$", "5", "+", "7", "%", "2",
];
const DIGITS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", ".", "-"];
const WORDS: &[&str] = &[
    "password", "dragon", "monkey", "iloveyou", "qwerty", "asdfgh", "1qaz2wsx", "letmein", "sunshine", "ada",
    "lovelace",
];
const DISGUISED_WORDS: &[&str] =
    &["p4$$w0rd", "dr@g0n", "|_0v3", "m0nk3y", "7r0ub4d0r", "!10v3y0u", "+1+4n", "{<[(1|7"];
const UNICODE: &[&str] = &["é", "e\u{301}", "ß", "İ", "日本", "😀", "\u{200b}", "ﬁ", "Å", "7"];

const KINDS: [Kind; 8] = [
    Kind { name: "look-alikes", parts: LOOK_ALIKES, repeats: false },
    Kind { name: "look-alikes, repeated", parts: LOOK_ALIKES, repeats: true },
    Kind { name: "digits", parts: DIGITS, repeats: false },
    Kind { name: "digits, repeated", parts: DIGITS, repeats: true },
    Kind { name: "words", parts: WORDS, repeats: false },
    Kind { name: "words in disguise", parts: DISGUISED_WORDS, repeats: false },
    Kind { name: "words in disguise, repeated", parts: DISGUISED_WORDS, repeats: true },
    Kind { name: "beyond ASCII", parts: UNICODE, repeats: false },
];

impl Kind {
    fn password(&self, rng: &mut Rng) -> String {
        let length = rng.usize(8..=MAX_LENGTH);
        let chosen: Vec<&str> =
            (0..rng.usize(1..=24)).filter_map(|_| rng.choice(self.parts).copied()).collect();
        let mut password = String::new();
        for at in 0..length {
            let part = if self.repeats { chosen.get(at % chosen.len()) } else { rng.choice(self.parts) };
            password.push_str(part.copied().unwrap_or_default());
        }
        password.chars().take(length).collect()
    }
}

/// Judges so many passwords one after the other and prints the CPU time of each kind.
pub fn run(count: usize) -> Result<()> {
    let policy = Policy { min_length: 8, breached: None };
    let about =
        ["Augusta Ada King Lovelace".to_owned(), "countess.of.lovelace@analytical-engine.example".to_owned()];
    // The first one reads the dictionaries.
    let first = cpu_time(|| drop(policy.weakness("violet-anchor-93-maple", &about)))?;
    let mut rng = Rng::with_seed(12);
    println!(
        "\n### Judging {count} passwords: ms of CPU time\n\n| | median | p99 | worst | goal |\n|---|---|---|---|---|"
    );
    let mut all = Vec::new();
    for kind in &KINDS {
        let mut taken = Vec::new();
        for _ in 0..count.div_ceil(KINDS.len()) {
            let password = kind.password(&mut rng);
            taken.push(cpu_time(|| drop(policy.weakness(&password, &about)))?);
        }
        print_row(kind.name, &mut taken, "")?;
        all.extend(taken);
    }
    print_row("all", &mut all, "worst <= 20")?;
    println!("\nThe first one of a process takes {:.0} ms.", first.as_secs_f64() * 1_000.0);
    Ok(())
}

fn print_row(name: &str, taken: &mut [Duration], goal: &str) -> Result<()> {
    taken.sort_unstable();
    let middle = median(taken.iter().map(Duration::as_secs_f64)) * 1_000.0;
    println!(
        "| {name} | {middle:.2} | {:.2} | {:.2} | {goal} |",
        percentile(taken, 99)?,
        percentile(taken, 100)?
    );
    Ok(())
}

/// CPU time of this thread for some work: other processes share the cores.
fn cpu_time(work: impl FnOnce()) -> Result<Duration> {
    let began = Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))?;
    work();
    Ok(Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))?.saturating_sub(began))
}
