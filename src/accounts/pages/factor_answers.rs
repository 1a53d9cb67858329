//! What is answered to a second factor that was added or removed, whichever it is.

use actix_web::{HttpResponse, http::StatusCode};

use super::recovery_codes::RecoveryCodesPage;
use crate::{
    layout::{Flash, Layout, Left, SecondFactorFlash, see_other},
    sessions::CurrentUser,
    web::html,
};

/// Where people see how they sign in.
const SECURITY: &str = "/security";

/// Where an authenticator app is set up.
pub(super) const AUTHENTICATOR: &str = "/security/totp";

/// Where a passkey is added.
pub(super) const PASSKEYS: &str = "/security/passkeys";

/// The answer to a second factor that was added: the recovery codes that came with the first one, else `next`; empty: `/security`.
pub(super) fn factor_added(
    layout: Layout,
    codes: Vec<String>,
    done: &'static str,
    flash: SecondFactorFlash,
    next: String,
) -> HttpResponse {
    let next = if next.is_empty() { SECURITY.to_owned() } else { next };
    if codes.is_empty() {
        return see_other(&next, Flash::SecondFactor(flash));
    }
    html(StatusCode::OK, &RecoveryCodesPage { layout, codes, done: Some(done), next })
}

/// What the removal of a second factor leaves.
pub(super) fn left(user: &CurrentUser, was_last: bool) -> Left {
    match (was_last, user.second_factor_required) {
        (false, _) => Left::Another,
        (true, false) => Left::Nothing,
        (true, true) => Left::NothingRequired,
    }
}
