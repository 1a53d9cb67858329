//! The `mails` table: mail that no server has accepted yet.

use crate::support::{eventually::eventually, stores::Stores};

/// Mails other than those that confirm addresses, of which each registration writes one.
const OTHERS: &str = "kind <> 'confirm_address'";

impl Stores {
    /// How many mails wait, apart from those that confirm addresses.
    #[track_caller]
    pub fn waiting_mails(&self) -> usize {
        self.count(&format!("mails WHERE given_up_at IS NULL AND {OTHERS}"))
    }

    /// Waits until no mail waits, those that confirm addresses included.
    #[track_caller]
    pub fn all_mails_sent(&self) -> impl Future<Output = ()> {
        eventually(move || async move { self.count("mails WHERE given_up_at IS NULL") == 0 })
    }

    /// How many mails were given up, whose text is gone.
    #[track_caller]
    pub fn mails_given_up(&self) -> usize {
        self.count("mails WHERE given_up_at IS NOT NULL AND message IS NULL")
    }

    /// Why mails were not accepted, apart from those that confirm addresses.
    #[track_caller]
    pub fn mail_errors(&self) -> Vec<String> {
        self.query_column(&format!(
            "SELECT error FROM mails WHERE error IS NOT NULL AND {OTHERS} ORDER BY id"
        ))
    }

    /// All that the table holds, apart from mails that confirm addresses.
    #[track_caller]
    pub fn mail_texts(&self) -> String {
        format!("{:?}", self.query_text(&format!("SELECT * FROM mails WHERE {OTHERS}")))
    }

    /// Makes all mails due, as if their pauses were over, also those that somebody is sending.
    #[track_caller]
    pub fn make_mails_due(&self) {
        self.sql("UPDATE mails SET due_at = '2020-01-01 00:00:00'");
    }

    /// Lets all mails have been written so many days ago.
    #[track_caller]
    pub fn age_mails(&self, days: i64) {
        self.sql(&format!("UPDATE mails SET created_at = '{}'", days_ago(days)));
    }

    /// Lets all mails that were given up have been so many days ago.
    #[track_caller]
    pub fn age_mails_given_up(&self, days: i64) {
        let then = days_ago(days);
        self.sql(&format!(
            "UPDATE mails SET given_up_at = '{then}', tried_at = '{then}' WHERE given_up_at IS NOT NULL"
        ));
    }
}

fn days_ago(days: i64) -> String {
    let then = time::OffsetDateTime::now_utc() - time::Duration::days(days);
    super::timestamp(time::PrimitiveDateTime::new(then.date(), then.time()))
}
