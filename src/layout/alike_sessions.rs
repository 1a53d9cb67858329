//! Sessions that look alike: the same device of the same person, signed in again and again.

use super::session_facts::SessionFacts;

/// From so many on, sessions of one device are folded into one entry of a user's own list.
const FOLDED_FROM: usize = 3;

/// An entry of a user's own list: a session, and those on a device that looks the same.
pub struct AlikeSessions {
    /// The first of them.
    pub first: SessionFacts,
    /// The others, folded away; few are entries of their own.
    pub others: Vec<SessionFacts>,
}

impl AlikeSessions {
    /// Groups a list by what the device is called, each group at the place of its first session.
    pub fn group(sessions: Vec<SessionFacts>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for session in sessions {
            let alike =
                groups.iter_mut().find(|group| !group.first.current && group.first.device == session.device);
            match alike {
                Some(group) => group.others.push(session),
                None => groups.push(Self { first: session, others: Vec::new() }),
            }
        }
        let unfold_few = |group: Self| {
            let few = group.others.len() + 1 < FOLDED_FROM;
            let (folded, alone) = if few { (Vec::new(), group.others) } else { (group.others, Vec::new()) };
            let single = |first| Self { first, others: Vec::new() };
            std::iter::once(Self { first: group.first, others: folded }).chain(alone.into_iter().map(single))
        };
        groups.into_iter().flat_map(unfold_few).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::now, web::Moment};

    fn session(id: &str, device: &str) -> SessionFacts {
        let moment = || Moment::new(now());
        SessionFacts {
            id: id.to_owned(),
            device: device.to_owned(),
            kind: "phone",
            ip: "192.0.2.7".to_owned(),
            current: id == "own",
            remembered: false,
            bound: false,
            key_stolen: None,
            method: "Password",
            signed_in: moment(),
            last_seen: moment(),
            active_now: false,
            expires: moment(),
            ends_soon: false,
            sites: Vec::new(),
        }
    }

    #[test]
    fn sessions_of_one_device_are_folded_from_three_on() {
        let listed = [("own", "A"), ("1", "A"), ("2", "B"), ("3", "A"), ("4", "C"), ("5", "A"), ("6", "B")];
        let groups = AlikeSessions::group(listed.map(|(id, device)| session(id, device)).into());
        let ids = groups.iter().map(|group| {
            let others = group.others.iter().map(|other| other.id.as_str()).collect::<Vec<_>>();
            (group.first.id.as_str(), others)
        });
        let expected = [("own", vec![]), ("1", vec!["3", "5"]), ("2", vec![]), ("6", vec![]), ("4", vec![])];
        assert_eq!(ids.collect::<Vec<_>>(), expected);
    }
}
