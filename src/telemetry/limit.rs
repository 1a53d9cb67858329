//! Warnings and errors that anybody can cause as often as they like: of those of one place in the code, and of one kind, the first ones of
//! a minute are written, and then how many more there were. One client can't fill the log, nor hide in it what others do.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::{
    Event, Level, Metadata,
    callsite::Identifier,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::layer::{Context, Filter};

/// Entries of a minute about one client.
const MAX_OF_CLIENT: u32 = 20;

/// Entries of a minute about all clients.
const MAX_OF_ALL: u32 = 200;

/// The filter; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Limit(Arc<Mutex<Minute>>);

/// What was written in this minute.
#[derive(Default)]
struct Minute {
    /// For each client and, without one, for all.
    written: HashMap<(Identifier, About), u32>,
    left_out: HashMap<Identifier, LeftOut>,
}

/// What an entry is about, by its fields.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct About {
    kind: Option<String>,
    ip: Option<String>,
}

/// Entries that were not written.
pub(super) struct LeftOut {
    /// The place in the code that they are of.
    pub of: &'static Metadata<'static>,
    /// How many.
    pub entries: u64,
}

impl Limit {
    /// Begins another minute. Returns what was left out.
    pub(super) fn next_minute(&self) -> Vec<LeftOut> {
        std::mem::take(&mut *self.minute()).left_out.into_values().collect()
    }

    fn admits(&self, place: &'static Metadata<'static>, about: About) -> bool {
        self.minute().admits(place, about)
    }

    fn minute(&self) -> MutexGuard<'_, Minute> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Minute {
    fn admits(&mut self, place: &'static Metadata<'static>, about: About) -> bool {
        let id = place.callsite();
        let all = About { ip: None, ..about.clone() };
        let client = about.ip.is_some().then_some(((id.clone(), about), MAX_OF_CLIENT));
        let keys: Vec<_> = client.into_iter().chain([((id.clone(), all), MAX_OF_ALL)]).collect();
        let is_full = |(key, most): &(_, u32)| self.written.get(key).is_some_and(|written| written >= most);
        if keys.iter().any(is_full) {
            self.left_out.entry(id).or_insert(LeftOut { of: place, entries: 0 }).entries += 1;
            return false;
        }
        for (key, _) in keys {
            *self.written.entry(key).or_default() += 1;
        }
        true
    }
}

impl<S> Filter<S> for Limit {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        if *event.metadata().level() > Level::WARN {
            return true;
        }
        let mut about = About::default();
        event.record(&mut about);
        self.admits(event.metadata(), about)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}

impl Visit for About {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "kind" => self.kind = Some(format!("{value:?}")),
            "ip" => self.ip = Some(format!("{value:?}")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::callsite::{Callsite as _, DefaultCallsite};

    use super::*;

    fn place() -> &'static Metadata<'static> {
        static PLACE: DefaultCallsite = DefaultCallsite::new(&METADATA);
        static METADATA: Metadata<'static> = tracing::metadata! {
            name: "entry",
            target: "test",
            level: Level::WARN,
            fields: tracing::fieldset!(),
            callsite: &PLACE,
            kind: tracing::metadata::Kind::EVENT
        };
        PLACE.metadata()
    }

    #[test]
    fn log_has_the_first_entries_about_each_client() {
        let limit = Limit::default();
        let written = |limit: &Limit, client: &str, tries: u32| {
            (0..tries)
                .filter(|_| limit.admits(place(), About { ip: Some(client.to_owned()), kind: None }))
                .count() as u32
        };
        assert_eq!(written(&limit, "192.0.2.1", 1_000), MAX_OF_CLIENT);
        assert_eq!(written(&limit, "192.0.2.2", 3), 3, "others are not hidden");
        for last in 3..100 {
            written(&limit, &format!("192.0.2.{last}"), 1_000);
        }
        assert!(limit.minute().written.len() < 100);
        let left_out = limit.next_minute();
        let total = 1_000 + 3 + 97 * 1_000;
        assert_eq!(left_out.iter().map(|left| left.entries).sum::<u64>(), total - u64::from(MAX_OF_ALL));
        assert_eq!(written(&limit, "192.0.2.1", 1_000), MAX_OF_CLIENT, "the next minute");
    }

    #[test]
    fn log_entries_without_a_client_have_the_limit_of_all() {
        let limit = Limit::default();
        let written = (0..1_000).filter(|_| limit.admits(place(), About::default())).count() as u32;
        assert_eq!(written, MAX_OF_ALL);
    }
}
