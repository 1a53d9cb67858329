//! The hours and days of the charts, as clocks of a time zone show them.

use time::{Date, Duration, PrimitiveDateTime};

use crate::clock::Zone;

/// The period of the charts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Range {
    /// 24 hours, in slots of an hour.
    #[default]
    Day,
    /// 30 days, in slots of a day.
    Month,
}

impl Range {
    /// The range of that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "24h" => Some(Self::Day),
            "30d" => Some(Self::Month),
            _ => None,
        }
    }
}

/// The slots of a range in a zone.
pub(super) struct Slots {
    pub range: Range,
    pub zone: Zone,
    /// The day at the end of the range.
    pub today: Date,
    /// The times at which they begin, oldest first.
    begins: Vec<PrimitiveDateTime>,
}

impl Slots {
    /// The slots of which the last has `at` in it.
    pub(super) fn new(range: Range, at: PrimitiveDateTime, zone: Zone) -> Self {
        let today = zone.day_of(at);
        let begins = match range {
            Range::Day => {
                let last = zone.start_of_hour(at);
                (0..24).rev().map(|age| last.saturating_sub(Duration::HOUR * age)).collect()
            }
            Range::Month => {
                let days = (0..30).rev().map(|age| today.saturating_sub(Duration::DAY * age));
                days.filter_map(|day| zone.start_of_day(day)).collect()
            }
        };
        Self { range, zone, today, begins }
    }

    /// When the first one begins.
    pub(super) fn from(&self) -> Option<PrimitiveDateTime> {
        self.begins.first().copied()
    }

    /// When today begins.
    pub(super) fn midnight(&self) -> Option<PrimitiveDateTime> {
        self.zone.start_of_day(self.today)
    }

    /// Numbers for each slot, of times that [`Self::step`] has cut; those of one slot are put together by `join`.
    pub(super) fn sorted(
        &self,
        counts: Vec<(PrimitiveDateTime, i64)>,
        join: fn(i64, i64) -> i64,
    ) -> Vec<Option<i64>> {
        let mut slots = vec![None; self.begins.len()];
        for (at, count) in counts {
            let slot = self.begins.partition_point(|begin| *begin <= at).checked_sub(1);
            if let Some(slot) = slot.and_then(|slot| slots.get_mut(slot)) {
                *slot = Some(slot.map_or(count, |so_far| join(so_far, count)));
            }
        }
        slots
    }

    /// To what times can be cut so that none of them changes its slot, as a word of `date_trunc`. Where zones are not whole hours from
    /// UTC, hours begin in between.
    pub(super) fn step(&self) -> &'static str {
        if self.begins.iter().all(|begin| begin.minute() == 0) { "hour" } else { "minute" }
    }

    /// What stands below the columns and in the table. An hour that there is twice, when clocks are set back, is told apart by its zone.
    pub(super) fn labels(&self) -> Vec<(String, String)> {
        let label = |at, format| self.zone.format(at, format);
        let (axis, full) = match self.range {
            Range::Day => ("%H:%M", "%-d %b, %H:%M"),
            Range::Month => ("%-d %b", "%-d %b"),
        };
        let labels: Vec<String> = self.begins.iter().map(|at| label(*at, full)).collect();
        let is_twice = |text: &String| labels.iter().filter(|other| *other == text).count() > 1;
        let told_apart = self.begins.iter().zip(&labels).map(|(at, text)| match is_twice(text) {
            true => label(*at, "%-d %b, %H:%M %Z"),
            false => text.clone(),
        });
        self.begins.iter().map(|at| label(*at, axis)).zip(told_apart).collect()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn slots(range: Range, at: PrimitiveDateTime, zone: &str) -> Slots {
        Slots::new(range, at, Zone::named(zone).unwrap())
    }

    #[test]
    fn days_are_those_of_the_zone_when_clocks_change() {
        let month = slots(Range::Month, datetime!(2026-10-26 23:30), "Europe/Berlin");
        assert_eq!(month.today.to_string(), "2026-10-27");
        assert_eq!((month.begins.len(), month.step()), (30, "hour"));
        let counts = [
            (datetime!(2026-10-24 21:00), 1),
            (datetime!(2026-10-24 22:00), 2),
            (datetime!(2026-10-25 22:00), 4),
            (datetime!(2026-10-25 23:00), 8),
            (datetime!(2026-10-26 23:00), 16),
            (datetime!(2026-09-20 23:00), 32),
        ];
        let sums = month.sorted(counts.to_vec(), |a, b| a + b);
        assert_eq!(sums[25..], [None, Some(1), Some(6), Some(8), Some(16)]);
        assert_eq!(sums.iter().flatten().sum::<i64>(), 31, "what is older is left out");
        let labels = month.labels();
        assert_eq!(labels[27].1, "25 Oct");
        assert_eq!(labels[29].1, "27 Oct");
    }

    #[test]
    fn hour_that_there_is_twice_is_told_apart() {
        let day = slots(Range::Day, datetime!(2026-10-25 03:10), "Europe/Berlin");
        let labels: Vec<_> = day.labels().into_iter().map(|(_, label)| label).collect();
        let expected = ["25 Oct, 02:00 CEST", "25 Oct, 02:00 CET", "25 Oct, 03:00", "25 Oct, 04:00"];
        assert_eq!(labels[20..], expected);
    }

    #[test]
    fn hours_between_those_of_utc_are_counted_by_the_minute() {
        let day = slots(Range::Day, datetime!(2026-11-27 04:10), "Asia/Kolkata");
        assert_eq!((day.step(), day.begins[23]), ("minute", datetime!(2026-11-27 03:30)));
        assert_eq!(day.labels()[23], ("09:00".to_owned(), "27 Nov, 09:00".to_owned()));
        assert_eq!(day.midnight(), Some(datetime!(2026-11-26 18:30)));
        let most = day.sorted(
            vec![
                (datetime!(2026-11-27 03:29), 5),
                (datetime!(2026-11-27 03:30), 2),
                (datetime!(2026-11-27 04:01), 3),
            ],
            i64::max,
        );
        assert_eq!(most[22..], [Some(5), Some(3)]);
    }
}
