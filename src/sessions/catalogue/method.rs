//! How a session was signed in. A new way is added in this file alone.

use crate::db::text_enum;

text_enum! {
    /// How a session was signed in.
    pub enum Method {
        /// With the password alone.
        Password => "password",
        /// With the password and a code of an authenticator app.
        PasswordTotp => "password+totp",
        /// With the password and a recovery code.
        PasswordRecovery => "password+recovery",
        /// With the password and a passkey.
        PasswordPasskey => "password+passkey",
        /// With a passkey alone.
        Passkey => "passkey",
        /// With the link that makes the first administrator.
        Link => "link",
        /// By `gatehouse drill`, which has the secret and needs no password.
        Drill => "drill",
        /// A way that a newer version recorded.
        Unknown => "unknown",
    } else Unknown
}

impl Method {
    /// Those that a list can be narrowed to.
    pub fn known() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|method| *method != Self::Unknown)
    }

    /// The way as pages show it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Password => "Password",
            Self::PasswordTotp => "Password and authenticator app",
            Self::PasswordRecovery => "Password and recovery code",
            Self::PasswordPasskey => "Password and passkey",
            Self::Passkey => "Passkey",
            Self::Link => "Set-up link",
            Self::Drill => "Drill",
            Self::Unknown => "Another way",
        }
    }

    /// The authentication methods, as RFC 8176 §2 names them. It has no name for a link or a drill. A passkey proves that its key is there
    /// (`pop`), and that its user is (`user`), whom the device has verified: two factors by itself (`mfa`).
    pub fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::PasswordTotp | Self::PasswordRecovery => &["pwd", "otp", "mfa"],
            Self::PasswordPasskey => &["pwd", "pop", "user", "mfa"],
            Self::Passkey => &["pop", "user", "mfa"],
            Self::Link | Self::Drill | Self::Unknown => &[],
        }
    }
}
