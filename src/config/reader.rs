//! The reader of variables, which collects every mistake.
//!
//! By hand: no crate collects every mistake, masks secrets and finds misspelt names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeInclusive,
    time::Duration,
};

use super::settings;

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest duration that a variable may hold.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * DAY.as_secs());

/// Most characters of a value that a mistake shows.
const MAX_SHOWN: usize = 80;

/// All mistakes in the configuration, one line each.
#[derive(Debug)]
pub struct Mistakes(pub(super) Vec<String>);

impl Mistakes {
    /// The lines, in the order of the variables.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

/// The variables, and the mistakes that were found.
pub(super) struct Reader {
    vars: BTreeMap<String, String>,
    /// Names of variables whose values are not UTF-8.
    unreadable: BTreeSet<String>,
    mistakes: Vec<String>,
}

impl Reader {
    pub(super) fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { vars: vars.into_iter().collect(), unreadable: BTreeSet::new(), mistakes: Vec::new() }
    }

    /// Notes variables that are set to something other than text: reading one is a mistake.
    pub(super) fn with_unreadable(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.unreadable.extend(names);
        self
    }

    /// The variable's value; an empty one counts as unset.
    pub(super) fn get(&mut self, name: &'static str) -> Option<String> {
        if self.unreadable.remove(name) {
            self.mistake(format!("{name}: is not UTF-8"));
        }
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Records a mistake with a line that the caller words.
    pub(super) fn mistake(&mut self, line: String) {
        self.mistakes.push(line);
    }

    /// Whether a mistake was found so far.
    pub(super) fn has_mistakes(&self) -> bool {
        !self.mistakes.is_empty()
    }

    /// Records that a variable holds an invalid value, which is shown.
    pub(super) fn invalid(&mut self, name: &str, shown: &str, may_hold: &str) {
        self.mistakes.push(format!("{name}: {shown:?} is not valid; it may hold {may_hold}"));
    }

    /// Parses a variable that holds no secret; one with an `@` is not shown, since it may be the address of a store in a wrong
    /// place. A mistake is recorded and the default returned, so that reading continues.
    pub(super) fn parse<T>(
        &mut self,
        name: &'static str,
        may_hold: &str,
        default: T,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some(value) = self.get(name) else {
            return default;
        };
        parse(&value).unwrap_or_else(|| {
            if value.contains('@') {
                self.mistake(format!(
                    "{name}: is not valid (not shown, since it contains an @); it may hold {may_hold}"
                ));
            } else {
                let shown: String = value.chars().take(MAX_SHOWN).collect();
                self.invalid(name, &shown, may_hold);
            }
            default
        })
    }

    /// Reads `on` or `off`.
    pub(super) fn on_or_off(&mut self, name: &'static str, default: bool) -> bool {
        self.parse(name, "on or off", default, |value| match value {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        })
    }

    /// Parses a duration such as `90m`, from `min` to ten years.
    pub(super) fn duration(&mut self, name: &'static str, default: Duration, min: Duration) -> Duration {
        self.parse(name, &durations_from(min), default, |value| duration_from(value, min))
    }

    /// Parses a duration within these bounds.
    pub(super) fn duration_within(
        &mut self,
        name: &'static str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        let (min, max) = (shown(*bounds.start()), shown(*bounds.end()));
        let may_hold = format!("a duration from {min} to {max}, such as {}", shown(default));
        self.parse(name, &may_hold, default, |value| {
            humantime::parse_duration(value).ok().filter(|duration| bounds.contains(duration))
        })
    }

    /// Parses a duration as [`Reader::duration`], or `forever`, which is `None`.
    pub(super) fn duration_or_forever(
        &mut self,
        name: &'static str,
        default: Option<Duration>,
        min: Duration,
    ) -> Option<Duration> {
        let may_hold = format!("{}, or forever", durations_from(min));
        self.parse(name, &may_hold, default, |value| match value {
            "forever" => Some(None),
            value => duration_from(value, min).map(Some),
        })
    }

    /// Reads a variable that may hold a secret: the value is never shown, only what is wrong with it. A mistake is recorded and
    /// `None` returned.
    pub(super) fn read_hidden<T>(
        &mut self,
        name: &'static str,
        may_hold: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.get(name)?;
        let read = read(&value);
        read.map_err(|reason| self.mistake(format!("{name}: {reason} (not shown); it may hold {may_hold}")))
            .ok()
    }

    /// Adds mistakes about misspelt and unsupported variables.
    ///
    /// # Errors
    /// All mistakes, if there are any.
    pub(super) fn finish(mut self) -> Result<(), Mistakes> {
        let mut mistakes = misspelt(self.vars.keys());
        mistakes.append(&mut self.mistakes);
        if mistakes.is_empty() { Ok(()) } else { Err(Mistakes(mistakes)) }
    }
}

fn durations_from(min: Duration) -> String {
    format!("a duration from {} to {}, such as 90m or 7d", shown(min), shown(MAX_DURATION))
}

/// A duration as it is typed here, in the largest unit of which it is a whole number.
pub(super) fn shown(duration: Duration) -> String {
    const UNITS: [(u128, &str); 4] = [(24 * 3_600_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let millis = duration.as_millis();
    let unit = UNITS.iter().find(|(length, _)| millis > 0 && millis.is_multiple_of(*length));
    let (length, name) = unit.unwrap_or(&(1, "ms"));
    format!("{}{name}", millis / length)
}

fn duration_from(value: &str, min: Duration) -> Option<Duration> {
    humantime::parse_duration(value).ok().filter(|duration| (min..=MAX_DURATION).contains(duration))
}

/// A line for each name that is similar to a known one, with the known name, or that begins with `GATEHOUSE_`.
fn misspelt<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let known: BTreeSet<&str> = settings::names().collect();
    names
        .filter(|name| !known.contains(name.as_str()))
        .filter_map(|name| {
            let bare = name.strip_prefix("GATEHOUSE_").unwrap_or(name);
            let meant = known.iter().find(|known| {
                let tolerance = if known.len() < 10 { 1 } else { 2 };
                strsim::damerau_levenshtein(&bare.to_uppercase(), known) <= tolerance
            });
            match meant {
                Some(known) => Some(format!("{name}: no such variable; did you mean {known}?")),
                None if bare != name => {
                    Some(format!("{name}: no such variable; `gatehouse settings` prints them all"))
                }
                None => None,
            }
        })
        .collect()
}
