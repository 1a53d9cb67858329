//! The kinds of events that the security log records.

use crate::db::text_enum;

text_enum! {
    /// What happened, in the order in which pages offer the kinds.
    pub enum EventKind {
        /// A session began.
        SignedIn => "signed_in",
        /// Wrong address or password.
        SignInFailed => "sign_in_failed",
        /// A session was bound to the device of its browser.
        SessionBound => "session_bound",
        /// A session ended; the detail has the reason.
        SessionEnded => "session_ended",
        /// An account was made.
        Registered => "registered",
        /// The name was changed.
        NameChanged => "name_changed",
        /// The password was changed; all other sessions ended.
        PasswordChanged => "password_changed",
        /// All that is stored of the user was downloaded, by them or an administrator.
        Exported => "exported",
        /// A link that proves the address was asked for, on the profile or by signing in where that is required.
        EmailConfirmationAsked => "email_confirmation_asked",
        /// The address was proven to be the user's.
        EmailConfirmed => "email_confirmed",
        /// Another address was asked for.
        EmailChangeAsked => "email_change_asked",
        /// The change was withdrawn before the other address was confirmed.
        EmailChangeWithdrawn => "email_change_withdrawn",
        /// The address was replaced.
        EmailChanged => "email_changed",
        /// The earlier address was given back; all sessions ended, and the password is void.
        EmailChangeUndone => "email_change_undone",
        /// Somebody else wanted to have an account with this address.
        AddressTried => "address_tried",
        /// The account was deleted.
        AccountDeleted => "account_deleted",
        /// An administrator was made at set-up or from the command line.
        AdministratorMade => "administrator_made",
        /// The role was changed; the detail has the new one.
        RoleChanged => "role_changed",
        /// The account was deactivated; all its sessions ended.
        Deactivated => "deactivated",
        /// The account may sign in again.
        Activated => "activated",
        /// An account was made for a user who has yet to choose a password.
        Invited => "invited",
        /// A one-time link to choose a password was made.
        ResetLinkMade => "reset_link_made",
        /// A link to choose a password was asked for, by the user or somebody who has typed their address.
        ResetRequested => "reset_requested",
        /// A password was set without the old one; all sessions ended.
        PasswordReset => "password_reset",
        /// A wrong code, after the right password.
        SecondStepFailed => "second_step_failed",
        /// An authenticator app was set up.
        AuthenticatorAdded => "authenticator_added",
        /// The authenticator app was removed.
        AuthenticatorRemoved => "authenticator_removed",
        /// A passkey was added; the detail has its name.
        PasskeyAdded => "passkey_added",
        /// A passkey was removed; the detail has its name.
        PasskeyRemoved => "passkey_removed",
        /// A passkey was refused, since it or a copy of it had signed more often before; the detail has its name.
        PasskeyCloned => "passkey_cloned",
        /// New recovery codes were made; the old ones are void.
        RecoveryCodesMade => "recovery_codes_made",
        /// A recovery code was used; the detail says how many are left.
        RecoveryCodeUsed => "recovery_code_used",
        /// A browser is not asked for a second factor for a while.
        BrowserTrusted => "browser_trusted",
        /// All browsers are asked for the second factor again.
        TrustedBrowsersForgotten => "trusted_browsers_forgotten",
        /// An administrator removed the second factor; all sessions ended.
        SecondFactorReset => "second_factor_reset",
        /// A key that leads nowhere was presented by somebody else than its session's browser; the detail says which it is.
        StolenKeyUsed => "stolen_key_used",
        /// The password was given again before a sensitive action.
        Confirmed => "confirmed",
        /// A wrong password before a sensitive action.
        ConfirmationFailed => "confirmation_failed",
        /// There were so many failures that the next tries have to wait; the detail says of what.
        Throttled => "throttled",
        /// `gatehouse drill` ended a session and looked who still let it in; the detail says what came of it.
        Drill => "drill",
        /// A kind that a newer version recorded.
        Unknown => "unknown",
    } else Unknown
}

impl EventKind {
    /// The kinds that this version records.
    pub fn known() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|kind| *kind != Self::Unknown)
    }

    /// The kind as people read it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::SignedIn => "Signed in",
            Self::SignInFailed => "Sign-in failed",
            Self::SessionBound => "Session bound to its device",
            Self::SessionEnded => "Session ended",
            Self::Registered => "Account created",
            Self::NameChanged => "Name changed",
            Self::PasswordChanged => "Password changed",
            Self::Exported => "Data downloaded",
            Self::EmailConfirmationAsked => "Link to confirm the address asked for",
            Self::EmailConfirmed => "Address confirmed",
            Self::EmailChangeAsked => "Change of the address asked for",
            Self::EmailChangeWithdrawn => "Change of the address withdrawn",
            Self::EmailChanged => "Address changed",
            Self::EmailChangeUndone => "Change of the address undone",
            Self::AddressTried => "Address typed by somebody else",
            Self::AccountDeleted => "Account deleted",
            Self::AdministratorMade => "Became an administrator",
            Self::RoleChanged => "Role changed",
            Self::Deactivated => "Account deactivated",
            Self::Activated => "Account activated",
            Self::Invited => "Invited",
            Self::ResetLinkMade => "Link to choose a password made",
            Self::ResetRequested => "New password asked for",
            Self::PasswordReset => "New password set",
            Self::SecondStepFailed => "Wrong code after the password",
            Self::AuthenticatorAdded => "Authenticator app set up",
            Self::AuthenticatorRemoved => "Authenticator app removed",
            Self::PasskeyAdded => "Passkey added",
            Self::PasskeyRemoved => "Passkey removed",
            Self::PasskeyCloned => "Passkey refused that seems to have been copied",
            Self::RecoveryCodesMade => "New recovery codes made",
            Self::RecoveryCodeUsed => "Recovery code used",
            Self::BrowserTrusted => "Browser trusted",
            Self::TrustedBrowsersForgotten => "Trusted browsers forgotten",
            Self::SecondFactorReset => "Second factor removed by an administrator",
            Self::StolenKeyUsed => "Key of a session used by somebody else",
            Self::Confirmed => "Password given again",
            Self::ConfirmationFailed => "Wrong password given again",
            Self::Throttled => "Too many tries",
            Self::Drill => "Drill: a session was ended to see that it is refused",
            Self::Unknown => "Something else",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_kinds_round_trip_by_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.name()), Some(*kind));
            assert_ne!(kind.sentence(), kind.name());
        }
        assert_eq!(EventKind::parse("nonsense"), None);
    }
}
