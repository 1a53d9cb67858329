//! The numbers: how many failures are free, and how long each later one makes the next attempt wait. `docs/throttling.md` has them
//! for operators.

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait after the first failure that is not free; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Wrong passwords for an address, from browsers that have not signed in to its account before.
    Account,
    /// Wrong passwords for an address from one browser that has.
    Browser,
    /// Wrong passwords that were given in one session.
    Session,
    /// Failed sign-ins from one network, those of known browsers apart.
    SignIns,
    /// Wrong passwords that were given in the sessions of one network.
    Confirmations,
    /// Registrations from one network.
    Registrations,
    /// Requests of links for a forgotten password from one network.
    Forgotten,
    /// Set-up links and links to choose a password that were not valid, from one network.
    Links,
    /// What one user changes or confirms, which is recorded each time.
    Changes,
    /// Sessions that one user starts.
    Sessions,
    /// Wrong codes after the right password of an account.
    SecondSteps,
    /// Mails to confirm addresses that were asked for from one network.
    AddressMails,
    /// Mails to confirm addresses that were asked for by one account, or to one address.
    AddressMailsOf,
    /// Wrong proofs of the keys that sessions are bound to, from one network.
    Proofs,
}

/// The numbers of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// So many failures need no wait.
    pub free: u32,
    /// The longest wait.
    pub longest: Duration,
    /// How long a count is kept after its last failure.
    pub kept: Duration,
    /// After so many failures in a row nothing is accepted for as long as the count is kept.
    pub most: Option<u32>,
}

impl Kind {
    /// All kinds.
    pub(super) const ALL: [Self; 14] = [
        Self::Account,
        Self::Browser,
        Self::Session,
        Self::SignIns,
        Self::Confirmations,
        Self::Registrations,
        Self::Forgotten,
        Self::Links,
        Self::Changes,
        Self::Sessions,
        Self::SecondSteps,
        Self::AddressMails,
        Self::AddressMailsOf,
        Self::Proofs,
    ];

    /// The name in keys of the stores.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Browser => "browser",
            Self::Session => "session",
            Self::SignIns => "sign-ins",
            Self::Confirmations => "confirmations",
            Self::Registrations => "registrations",
            Self::Forgotten => "forgotten",
            Self::Links => "links",
            Self::Changes => "changes",
            Self::Sessions => "started",
            Self::SecondSteps => "second-steps",
            Self::AddressMails => "address-mails",
            Self::AddressMailsOf => "address-mails-of",
            Self::Proofs => "proofs",
        }
    }

    /// Whether success ends the count: it is of failures in a row.
    pub(super) const fn is_in_a_row(self) -> bool {
        matches!(self, Self::Account | Self::Browser | Self::Session | Self::SecondSteps)
    }

    /// The numbers.
    pub(super) const fn policy(self) -> Policy {
        let of_network = Policy { free: 20, longest: MINUTE, kept: HOUR, most: None };
        match self {
            Self::Account | Self::Browser | Self::Session | Self::SecondSteps => Policy {
                free: 5,
                longest: Duration::from_secs(30 * 60),
                kept: Duration::from_secs(30 * DAY.as_secs()),
                most: Some(100),
            },
            Self::SignIns => Policy { longest: Duration::from_secs(5 * 60), ..of_network },
            Self::Confirmations | Self::Links | Self::Proofs => of_network,
            Self::Registrations | Self::Forgotten | Self::AddressMails => Policy { free: 10, ..of_network },
            Self::Changes => Policy { free: 100, ..of_network },
            Self::Sessions => Policy { free: 100, longest: Duration::from_secs(10), ..of_network },
            Self::AddressMailsOf => {
                Policy { free: 5, longest: Duration::from_secs(30 * 60), kept: DAY, most: None }
            }
        }
    }
}

impl Policy {
    /// Whether so many failures close the count.
    pub(super) fn is_closed(&self, failures: u32) -> bool {
        self.most.is_some_and(|most| failures >= most)
    }

    /// How long the next attempt has to wait after so many failures.
    pub(super) fn wait(&self, failures: u32) -> Duration {
        if failures < self.free {
            return Duration::ZERO;
        }
        if self.is_closed(failures) {
            return self.kept;
        }
        let factor = 1_u32.checked_shl(failures - self.free).unwrap_or(u32::MAX);
        FIRST_WAIT.saturating_mul(factor).min(self.longest)
    }

    /// Whether the failure with this number is the first that makes the next attempt wait, or the last one that is accepted.
    pub(super) fn is_threshold(&self, failures: u32) -> bool {
        failures == self.free || self.most == Some(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table in `docs/throttling.md`, in the order of [`Kind::ALL`].
    const DOCUMENTED: &str = include_str!("../../docs/throttling.md");

    /// A limit in words: `5 | 1 s, 2 s, 4 s … up to 30 min | 30 days | 100`.
    fn in_words(policy: Policy) -> String {
        let longest = match policy.longest.as_secs() {
            seconds if seconds < 60 => format!("{seconds} s"),
            seconds => format!("{} min", seconds / 60),
        };
        let kept = match policy.kept.as_secs() / 3600 {
            1 => "1 hour".to_owned(),
            24 => "1 day".to_owned(),
            hours => format!("{} days", hours / 24),
        };
        let most = policy.most.map_or_else(|| "–".to_owned(), |most| most.to_string());
        format!("{} | 1 s, 2 s, 4 s … up to {longest} | {kept} | {most}", policy.free)
    }

    #[test]
    fn throttle_numbers_are_those_of_the_documentation() {
        let rows = DOCUMENTED.lines().filter(|line| line.starts_with("| ")).skip(1);
        let rows: Vec<_> = rows.filter_map(|row| row.trim_matches(['|', ' ']).split_once(" | ")).collect();
        assert_eq!(rows.len(), Kind::ALL.len(), "{rows:?}");
        for (kind, (what, numbers)) in Kind::ALL.into_iter().zip(rows) {
            let expected = format!("{} | `{}`", in_words(kind.policy()), kind.name());
            assert_eq!(expected, numbers, "{kind:?}: {what}");
        }
    }

    #[test]
    fn throttle_waits_grow_from_a_second_to_the_longest() {
        for kind in Kind::ALL {
            let policy = kind.policy();
            let waits: Vec<Duration> = (0..1_000).map(|failures| policy.wait(failures)).collect();
            assert!(waits.is_sorted(), "{kind:?}");
            assert_eq!(waits.iter().filter(|wait| wait.is_zero()).count(), policy.free as usize, "{kind:?}");
            assert_eq!(waits[policy.free as usize], FIRST_WAIT, "{kind:?}");
            assert_eq!(waits[999], if policy.most.is_some() { policy.kept } else { policy.longest });
            assert_eq!(policy.wait(u32::MAX), waits[999], "{kind:?}");
        }
    }

    #[test]
    fn throttle_closes_an_account_after_100_failures_in_a_row() {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_in_a_row()) {
            let policy = kind.policy();
            assert_eq!(policy.wait(99), policy.longest);
            assert_eq!(policy.wait(100), policy.kept);
            assert!(!policy.is_closed(99) && policy.is_closed(100) && policy.is_closed(101));
        }
    }
}
