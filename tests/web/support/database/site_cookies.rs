//! The tables `site_cookies` and `used_codes`: what sites with cookies of their own have got.

use crate::support::stores::Stores;

impl Stores {
    /// How many cookies sites have for sessions.
    #[track_caller]
    pub fn site_cookie_count(&self) -> usize {
        self.count("site_cookies")
    }

    /// How many used codes the database remembers.
    #[track_caller]
    pub fn used_code_count(&self) -> usize {
        self.count("used_codes")
    }

    /// Makes all of them old enough to be forgotten.
    #[track_caller]
    pub fn age_used_codes(&self) {
        self.sql("UPDATE used_codes SET used_at = 0");
    }

    /// Lets a session have used as many codes as it may.
    #[track_caller]
    pub fn use_many_codes(&self, session: &str) {
        for number in 0..100 {
            self.sql(&format!("INSERT INTO used_codes VALUES ('{number}', '{session}', {})", i32::MAX));
        }
    }
}
