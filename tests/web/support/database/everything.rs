//! All that the stores hold, as text, to look for what must not be there.

use crate::support::stores::Stores;

impl Stores {
    /// Every row of every table, each with the name of its table, and every entry of Redis.
    #[track_caller]
    pub fn everything(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for table in self.tables() {
            let row = if self.is_sqlite() {
                let columns = self.query_column(&format!("SELECT name FROM pragma_table_info('{table}')"));
                let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
                quoted.join(" || ' ' || ")
            } else {
                format!("{table}::text")
            };
            let rows = self.query_column(&format!("SELECT {row} AS line FROM {table}"));
            found.extend(rows.into_iter().map(|row| (table.clone(), row)));
        }
        if !self.vars().iter().any(|(name, _)| name == "REDIS_URL") {
            return found;
        }
        for key in self.redis().keys() {
            let kind: String = self.redis().command(&["TYPE", &key]);
            let value = match kind.as_str() {
                "string" => self.redis().get(&key).unwrap_or_default(),
                "hash" => self.redis().command::<Vec<String>>(&["HGETALL", &key]).join(" "),
                other => panic!("{key} is a {other}"),
            };
            found.push(("redis".to_owned(), format!("{key} {value}")));
        }
        found
    }

    /// The tables in which a text stands, in any case.
    #[track_caller]
    pub fn tables_with(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        let mut tables: Vec<String> = self
            .everything()
            .into_iter()
            .filter(|(_, row)| row.to_lowercase().contains(&text))
            .map(|(table, _)| table)
            .collect();
        tables.sort();
        tables.dedup();
        tables
    }

    fn tables(&self) -> Vec<String> {
        self.query_column(if self.is_sqlite() {
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        } else {
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        })
    }

    fn is_sqlite(&self) -> bool {
        self.database_url.starts_with("sqlite")
    }
}
