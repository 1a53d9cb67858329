//! Why a session ended, and how administrators and the session's user read it. A new reason is added in this file alone.

use crate::db::text_enum;

text_enum! {
    /// Why a session ended.
    pub enum EndReason {
        /// Its user signed out.
        Logout => "logout",
        /// Its user ended it from another device.
        EndedByUser => "ended_by_user",
        /// An administrator ended it.
        EndedByAdmin => "ended_by_admin",
        /// The password was changed elsewhere.
        PasswordChanged => "password_changed",
        /// A second factor was set up elsewhere, and this session was signed in without one.
        SecondFactorSetUp => "second_factor_set_up",
        /// The user had more sessions than allowed; it was the oldest.
        Limit => "limit",
        /// The same browser signed in again.
        Replaced => "replaced",
        /// It was not used for the idle lifetime.
        Idle => "idle",
        /// It reached the absolute lifetime.
        Absolute => "absolute",
        /// Its user was deactivated.
        UserDeactivated => "user_deactivated",
        /// Somebody else has presented a key of a session of its user (`TRIPWIRE=end`).
        StolenKey => "stolen_key",
        /// The store lost it.
        Missing => "missing",
        /// A reason that a newer version recorded.
        Unknown => "unknown",
    } else Unknown
}

impl EndReason {
    /// The reason as administrators see it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Logout => "Signed out",
            Self::EndedByUser => "Ended from another device",
            Self::EndedByAdmin => "Ended by an administrator",
            Self::PasswordChanged => "Ended when the password was changed",
            Self::SecondFactorSetUp => "Ended when a second factor was set up",
            Self::Limit => "Ended because of the limit of sessions",
            Self::Replaced => "Replaced by a new sign-in in the same browser",
            Self::Idle => "Expired after not being used",
            Self::Absolute => "Expired at the longest lifetime",
            Self::UserDeactivated => "Ended when the account was deactivated",
            Self::StolenKey => "Ended when somebody else used a key of this person",
            Self::Missing => "Lost by the session store",
            Self::Unknown => "Ended",
        }
    }

    /// The reason as the session's user sees it.
    pub fn message(self) -> &'static str {
        match self {
            Self::Logout => "You signed out.",
            Self::EndedByUser => "You were signed out from another device.",
            Self::EndedByAdmin => "You were signed out by an administrator.",
            Self::PasswordChanged => "You were signed out because the password of your account was changed.",
            Self::SecondFactorSetUp => {
                "You were signed out because a second factor was set up for your account. Sign in with it."
            }
            Self::Limit => {
                "You were signed out because you signed in on another device; only so many sessions are allowed \
                 at once."
            }
            Self::Replaced => "There was a new sign-in in this browser.",
            Self::Idle => "You were signed out because you had not been here for a while.",
            Self::Absolute => "You were signed out because the time of this session was up.",
            Self::UserDeactivated => "You were signed out because your account was deactivated.",
            Self::StolenKey => {
                "You were signed out everywhere because somebody else has used a copy of a session of yours. Sign in on a device that you \
                 trust, and choose another password."
            }
            Self::Missing | Self::Unknown => "Your session is over. Sign in again to go on.",
        }
    }

    /// Whether the sign-in page shows the message. It does not when this browser caused the end or the cause is unknown.
    pub fn is_shown_at_sign_in(self) -> bool {
        match self {
            Self::EndedByUser
            | Self::EndedByAdmin
            | Self::PasswordChanged
            | Self::SecondFactorSetUp
            | Self::Limit
            | Self::Idle
            | Self::Absolute
            | Self::UserDeactivated
            | Self::StolenKey => true,
            Self::Logout | Self::Replaced | Self::Missing | Self::Unknown => false,
        }
    }

    /// Who ends a session for this reason.
    pub fn ended_by(self) -> EndedBy {
        match self {
            Self::Logout
            | Self::EndedByUser
            | Self::PasswordChanged
            | Self::SecondFactorSetUp
            | Self::Replaced => EndedBy::Owner,
            Self::EndedByAdmin | Self::UserDeactivated => EndedBy::Administrator,
            Self::Limit | Self::Idle | Self::Absolute | Self::StolenKey | Self::Missing | Self::Unknown => {
                EndedBy::System
            }
        }
    }
}

/// Who ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The session's own user.
    Owner,
    /// An administrator.
    Administrator,
    /// The expiry, the sweep, or the tripwire.
    System,
}
