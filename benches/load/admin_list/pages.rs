//! The pages of the list that are fetched: unfiltered, with each filter, and far down.

use anyhow::{Context as _, Result};
use tokio_postgres::Client;

/// How many sessions precede the page that is far down.
const FAR_DOWN: i64 = 50_000;

/// The names of pages, with their queries, that are the same on all sites.
const FIXED: [(&str, &str); 27] = [
    ("everyone", ""),
    ("by sign-in", "sort=started"),
    ("a family name", "q=kowalska"),
    ("two letters", "q=zo"),
    ("two letters that nobody has", "q=qx"),
    ("a network", "ip=10.20.3.0/24"),
    ("an address", "ip=203.0.113.7"),
    ("a common browser", "browser=chrome"),
    ("a rare browser", "browser=curl"),
    ("no such browser", "browser=konqueror"),
    ("a system", "os=linux"),
    ("administrators", "role=admin"),
    ("remembered", "remembered=yes"),
    ("bound", "bound=yes"),
    ("not bound", "bound=no"),
    ("ended, bound", "state=ended&bound=yes"),
    ("older than 30 days", "older_than=30d"),
    ("older than 30 days, by sign-in", "older_than=30d&sort=started"),
    ("idle over 5 days", "idle_over=5d"),
    ("idle over 5 days, by sign-in", "idle_over=5d&sort=started"),
    ("Firefox on Linux, idle", "browser=firefox&os=linux&idle_over=8h"),
    ("ended", "state=ended"),
    ("ended, a family name", "state=ended&q=kowalska"),
    ("ended, two letters that nobody has", "state=ended&q=qx"),
    ("ended, a rare browser", "state=ended&browser=curl"),
    ("ended, administrators", "state=ended&role=admin"),
    ("ended, older than 30 days", "state=ended&older_than=30d"),
];

/// The names of pages filtered by a value that a given number of sessions has, with the field and the query that finds
/// such values.
const BY_COUNT: [(&str, &str, &str); 2] = [
    ("a person with 10 sessions", "q", "SELECT u.email FROM {active} GROUP BY 1 HAVING count(*) = 10"),
    ("an address with 5 sessions", "ip", "SELECT s.ip FROM {active} GROUP BY 1 HAVING count(*) = 5"),
];

/// The tables of [`BY_COUNT`]'s queries.
const ACTIVE: &str = "sessions s JOIN users u ON u.id = user_id WHERE ended_at IS NULL";

/// A page of the list, with the name that the table shows.
pub struct Page {
    pub name: &'static str,
    pub path: String,
}

impl Page {
    fn new(name: &'static str, query: &str) -> Self {
        Self { name, path: format!("/admin/sessions?{query}") }
    }
}

/// The pages, in the order of the table. Some depend on the rows of the site.
pub async fn pages(database: &Client) -> Result<Vec<Page>> {
    let mut pages: Vec<Page> = FIXED.into_iter().map(|(name, query)| Page::new(name, query)).collect();
    pages.push(Page::new("page 1,000", &format!("after={}", cursor_far_down(database).await?)));
    for (name, field, values) in BY_COUNT {
        let first = values.replace("{active}", ACTIVE) + " ORDER BY 1 LIMIT 1";
        let row = database.query_opt(&first, &[]).await?.with_context(|| format!("there is not {name}"))?;
        pages.push(Page::new(name, &format!("{field}={}", row.get::<_, String>(0))));
    }
    Ok(pages)
}

/// The cursor of a page far down; on a small site, of its last page.
async fn cursor_far_down(database: &Client) -> Result<String> {
    let query = "SELECT (extract(epoch FROM last_seen_at) * 1000000)::bigint || '.' || id FROM sessions \
                 WHERE ended_at IS NULL ORDER BY last_seen_at DESC, id DESC \
                 OFFSET least($1, (SELECT count(*) FROM sessions WHERE ended_at IS NULL) - 100) LIMIT 1";
    Ok(database.query_one(query, &[&FAR_DOWN]).await?.get(0))
}
