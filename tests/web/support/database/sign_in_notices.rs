//! The `sign_in_notices` table: the sign-ins that people were told of. And tables that a test takes away for a while.

use crate::support::stores::Stores;

impl Stores {
    /// How many sign-ins people were told of, whose links were not used.
    #[track_caller]
    pub fn sign_in_notice_count(&self) -> usize {
        self.count("sign_in_notices")
    }

    /// All that the table holds.
    #[track_caller]
    pub fn sign_in_notice_texts(&self) -> String {
        format!("{:?}", self.query_text("SELECT * FROM sign_in_notices"))
    }

    /// Lets all notices of sign-ins have been written so many hours ago, with links that are good for seven days from then.
    #[track_caller]
    pub fn age_sign_in_notices(&self, hours: i64) {
        let then = time::OffsetDateTime::now_utc() - time::Duration::hours(hours);
        let time =
            |at: time::OffsetDateTime| super::timestamp(time::PrimitiveDateTime::new(at.date(), at.time()));
        let (created, expires) = (time(then), time(then + time::Duration::days(7)));
        self.sql(&format!("UPDATE sign_in_notices SET created_at = '{created}', expires_at = '{expires}'"));
    }

    /// Lets a table be missing: whatever asks for it fails.
    #[track_caller]
    pub fn take_table_away(&self, table: &str) {
        self.sql(&format!("ALTER TABLE {table} RENAME TO {table}_away"));
    }

    /// Puts the table back.
    #[track_caller]
    pub fn put_table_back(&self, table: &str) {
        self.sql(&format!("ALTER TABLE {table}_away RENAME TO {table}"));
    }
}
