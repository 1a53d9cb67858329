//! How many sessions of a list look like one of its page: the same browser on the same system, of the same user.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;

use super::{filter::Filter, list::ListedSession};
use crate::{
    db::{DbConnection, Uncached, schema::sessions::dsl},
    error::Error,
};

/// Sessions that are looked at to count those that look alike, so that the cost doesn't grow with the number of sessions.
const MAX_COUNTED: usize = 2_000;

/// A user, and the browser and the system of a session.
type Device = (i64, String, String);

/// How many sessions there are of each device.
#[derive(Debug, Default)]
pub struct AlikeCounts {
    counts: HashMap<Device, usize>,
    /// Whether there may be more than were counted.
    pub are_partial: bool,
}

impl AlikeCounts {
    /// Those of a whole list.
    pub fn of_listed(listed: &[ListedSession]) -> Self {
        Self::of_devices(listed.iter().map(device))
    }

    /// How many sessions look like this one, itself among them.
    pub fn of(&self, session: &ListedSession) -> usize {
        self.counts.get(&device(session)).copied().unwrap_or(1)
    }

    fn of_devices(devices: impl IntoIterator<Item = Device>) -> Self {
        let mut found = Self::default();
        for device in devices {
            *found.counts.entry(device).or_default() += 1;
        }
        found
    }
}

fn device(session: &ListedSession) -> Device {
    (session.user_id, session.browser.clone(), session.os.clone())
}

/// Counts the sessions that match and belong to users of this page.
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub(in crate::sessions) fn count_alike(
    conn: &mut DbConnection,
    filter: &Filter,
    page: &[ListedSession],
) -> Result<AlikeCounts, Error> {
    if page.is_empty() {
        return Ok(AlikeCounts::default());
    }
    let users: BTreeSet<i64> = page.iter().map(|session| session.user_id).collect();
    let filter = Filter { users: Some(users.into_iter().collect()), ..filter.clone() };
    let matching = filter.query().order(dsl::user_id).limit(MAX_COUNTED as i64 + 1);
    let devices: Vec<Device> = Uncached(matching.select((dsl::user_id, dsl::browser, dsl::os))).load(conn)?;
    if devices.len() <= MAX_COUNTED {
        return Ok(AlikeCounts::of_devices(devices));
    }
    // What is on the page is known to be there; of whom else, some were not looked at.
    let mut found = AlikeCounts::of_devices(devices);
    for (device, count) in AlikeCounts::of_listed(page).counts {
        let counted = found.counts.entry(device).or_default();
        *counted = count.max(*counted);
    }
    Ok(AlikeCounts { are_partial: true, ..found })
}
