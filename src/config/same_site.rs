//! When browsers send the session cookie along with requests that pages of other sites cause.

/// The cookie's `SameSite` attribute (RFC 6265bis §5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Sent on requests from this site only.
    Strict,
    /// Sent on top-level navigation from other sites too.
    Lax,
    /// Sent always; needs https.
    None,
}

impl From<SameSite> for actix_web::cookie::SameSite {
    fn from(value: SameSite) -> Self {
        match value {
            SameSite::Strict => Self::Strict,
            SameSite::Lax => Self::Lax,
            SameSite::None => Self::None,
        }
    }
}
