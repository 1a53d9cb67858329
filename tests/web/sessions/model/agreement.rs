//! Compares pages, lists, catalogue and store of the application with the model.

use std::collections::BTreeMap;

use super::*;

impl World {
    /// Checks every browser on both instances, then the lists, the catalogue and the store.
    pub(super) async fn check(&mut self) {
        let active: BTreeMap<&str, usize> = self
            .sessions
            .iter()
            .filter(|known| known.end.is_none())
            .map(|known| (known.id.as_str(), known.user))
            .collect();
        for browser in 0..BROWSERS {
            let current = self.current(browser);
            let expected = current.map(|number| &self.sessions[number]);
            for app in &self.apps {
                let client = self.browsers[browser].at(app);
                assert_eq!(signed_in(&client).await, expected.is_some(), "browser {browser}");
                let who = client.get("/test/who").await.expect(200).json();
                assert_eq!(
                    who["session"].as_str(),
                    expected.map(|known| known.id.as_str()),
                    "browser {browser}"
                );
                let Some(known) = expected else { continue };
                assert_eq!(who["user"].as_str(), Some(self.people[known.user].email.as_str()));
                assert_eq!(who["counter"].as_u64(), known.counter, "browser {browser}");
            }
            let Some(known) = expected else { continue };
            let list = listed_sessions(&self.browsers[browser].at(&self.apps[self.checks % 2])).await;
            assert_eq!(list[0], known.id, "the current session comes first");
            let own: BTreeSet<&str> =
                active.iter().filter(|(_, user)| **user == known.user).map(|(id, _)| *id).collect();
            assert_eq!(
                list.iter().map(String::as_str).collect::<BTreeSet<_>>(),
                own,
                "browser {browser}'s list"
            );
            assert_eq!(list.len(), own.len());
        }
        self.check_admin_list_and_stores(&active).await;
        self.checks += 1;
    }

    /// Checks the administrator's list and count, the catalogue, and the store.
    async fn check_admin_list_and_stores(&self, active: &BTreeMap<&str, usize>) {
        let app = &self.apps[self.checks % 2];
        let admin = self.admin.at(app);
        let root = session_id(&admin).await;
        let all: BTreeSet<&str> = active.keys().copied().chain([root.as_str()]).collect();
        let page = admin.get("/admin/sessions").await.expect(200);
        let noun = if all.len() == 1 { "session" } else { "sessions" };
        let _ = page.has(&format!("{} active {noun}", all.len()));
        let list = listed_sessions_for_admin(&admin).await;
        assert_eq!(list.iter().map(String::as_str).collect::<BTreeSet<_>>(), all, "the administrator's list");
        assert_eq!(list.len(), all.len());
        let rows = app.unexpired_session_ids();
        assert_eq!(rows.iter().map(String::as_str).collect::<BTreeSet<_>>(), all, "the catalogue");
        for known in &self.sessions {
            if let Some(Some(expected)) = known.end {
                assert_eq!(app.end_reason(&known.id).as_deref(), Some(expected), "{}", known.id);
            }
        }
        let keys = self.keys();
        let entries: BTreeSet<String> = app.store_entries().into_iter().collect();
        let entries: BTreeSet<String> =
            entries.into_iter().filter(|key| keys.contains(key) || !self.may_linger(key)).collect();
        assert_eq!(entries, keys, "the store");
    }

    /// Entries that a background task deletes later: of deactivated users, and in SQL of expired sessions.
    fn may_linger(&self, key: &String) -> bool {
        self.undeleted.contains(key) || self.apps[0].is_expired_key(key)
    }
}
