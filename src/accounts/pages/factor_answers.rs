//! What is answered to a second factor that was added or removed, whichever it is.

use actix_web::{HttpResponse, http::StatusCode};

use super::recovery_codes::RecoveryCodesPage;
use crate::{
    accounts::second_factor::AddedFactor,
    layout::{Flash, Layout, Left, SecondFactorFlash, factor_set_up, see_other},
    sessions::CurrentUser,
    web::html,
};

/// Where people see how they sign in.
const SECURITY: &str = "/security";

/// Where an authenticator app is set up.
pub(super) const AUTHENTICATOR: &str = "/security/totp";

/// Where a passkey is added.
pub(super) const PASSKEYS: &str = "/security/passkeys";

/// The answer to a second factor that was added: the recovery codes that came with it, else `next`; empty: `/security`. `done`: what
/// is said beside the codes.
pub(super) fn factor_added(
    layout: Layout,
    added: AddedFactor,
    done: &'static str,
    flash: SecondFactorFlash,
    next: String,
) -> HttpResponse {
    let next = if next.is_empty() { SECURITY.to_owned() } else { next };
    if added.codes.is_empty() {
        return see_other(&next, Flash::SecondFactor(flash));
    }
    let done = Some(factor_set_up(done, added.ended));
    html(StatusCode::OK, &RecoveryCodesPage { layout, codes: added.codes, done, next })
}

/// What the removal of a second factor leaves.
pub(super) fn left(user: &CurrentUser, was_last: bool) -> Left {
    match (was_last, user.second_factor_required) {
        (false, _) => Left::Another,
        (true, false) => Left::Nothing,
        (true, true) => Left::NothingRequired,
    }
}
