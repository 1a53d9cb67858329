//! The reader of variables, which collects every mistake.
//!
//! By hand: no crate collects every mistake, masks secrets and finds misspelt names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use url::Url;

/// Variables of features that this version does not have. Setting one would do nothing, so it is a mistake.
const NOT_SUPPORTED: [(&str, &str); 4] = [
    ("FRONTEND_URL", "calls from other origins (CORS)"),
    ("MAIL_FROM", "mail"),
    ("OPS_ADDR", "a listener of its own for metrics and health"),
    ("SMTP_URL", "mail"),
];

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest duration that a variable may hold.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * DAY.as_secs());

/// All mistakes in the configuration, one line each.
#[derive(Debug)]
pub struct Mistakes(Vec<String>);

impl Mistakes {
    pub(super) fn one(line: String) -> Self {
        Self(vec![line])
    }

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

/// The variables, the names that were read so far, and the mistakes that were found.
pub(super) struct Reader {
    vars: BTreeMap<String, String>,
    known: BTreeSet<&'static str>,
    mistakes: Vec<String>,
}

impl Reader {
    pub(super) fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { vars: vars.into_iter().collect(), known: BTreeSet::new(), mistakes: Vec::new() }
    }

    /// The variable's value; an empty one counts as unset. Adds the name to the known names.
    pub(super) fn get(&mut self, name: &'static str) -> Option<String> {
        self.known.insert(name);
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Records a mistake with a line that the caller words.
    pub(super) fn mistake(&mut self, line: String) {
        self.mistakes.push(line);
    }

    /// Records that a variable holds an invalid value; `shown` is the value without secrets.
    pub(super) fn invalid(&mut self, name: &str, shown: &str, may_hold: &str) {
        self.mistakes.push(format!("{name}: {shown:?} is not valid; it may hold {may_hold}"));
    }

    /// Parses a variable. A mistake is recorded and the default returned, so that reading continues.
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
            self.invalid(name, &masked(&value), may_hold);
            default
        })
    }

    /// Parses a duration such as `90m`, from `min` to ten years.
    pub(super) fn duration(&mut self, name: &'static str, default: Duration, min: Duration) -> Duration {
        let may_hold =
            format!("a duration of at least {}, such as 90m, 24h or 7d", humantime::format_duration(min));
        self.parse(name, &may_hold, default, |value| {
            humantime::parse_duration(value).ok().filter(|duration| (min..=MAX_DURATION).contains(duration))
        })
    }

    /// Parses a URL with one of these schemes and a host.
    pub(super) fn url(&mut self, name: &'static str, schemes: &[&str], may_hold: &str) -> Option<Url> {
        self.parse(name, may_hold, None, |value| {
            Url::parse(value).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_host()).map(Some)
        })
    }

    /// Adds mistakes about misspelt and unsupported variables.
    ///
    /// # Errors
    /// All mistakes, if there are any.
    pub(super) fn finish(mut self) -> Result<(), Mistakes> {
        for (name, feature) in NOT_SUPPORTED {
            if self.get(name).is_some() {
                self.mistake(format!("{name}: this version does not support {feature}; remove the variable"));
            }
        }
        let mut mistakes = misspelt(self.vars.keys(), &self.known);
        mistakes.append(&mut self.mistakes);
        if mistakes.is_empty() { Ok(()) } else { Err(Mistakes(mistakes)) }
    }
}

/// A value for an error message: credentials in URLs are masked, and longer values are cut to 80 characters.
fn masked(value: &str) -> String {
    match (value.find("://"), value.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://***@{}", &value[..scheme], &value[at + 1..])
        }
        _ => value.chars().take(80).collect(),
    }
}

/// A line for each name that is similar to a known one, with the known name, or that begins with `GATEHOUSE_`.
fn misspelt<'a>(names: impl Iterator<Item = &'a String>, known: &BTreeSet<&'static str>) -> Vec<String> {
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
                    Some(format!("{name}: no such variable; the names are in the README"))
                }
                None => None,
            }
        })
        .collect()
}
