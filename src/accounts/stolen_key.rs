//! A key of a session that somebody else has presented.

use crate::{
    security::Client,
    sessions::catalogue::stolen_keys::{DeadKey, KeyOwner},
};

/// A key that somebody else has presented.
pub(super) struct StolenKey {
    pub(super) key: DeadKey,
    pub(super) owner: KeyOwner,
    /// Who has presented it.
    pub(super) client: Client,
}
