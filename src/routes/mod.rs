//! The whole URL table, each route with its access rule. A path that is not in the table answers 404; a route without an access rule
//! does not compile.

mod access;
mod table;

use crate::{
    accounts::pages::{
        activity, authenticator, confirm, deletion, disown, email, email_links, export, forgot, login,
        passkeys, profile, recovery, recovery_codes, register, second_step, security,
        sensitive_action::SensitiveAction::{
            Activate, AddAuthenticator, AddPasskey, ChangeRole, Deactivate, EndOtherSessions, EndOwnSession,
            EndSession, EndSessionsOf, Export, Invite, MakeLink, MakeRecoveryCodes, RemoveAuthenticator,
            RemovePasskey, RenamePasskey, ResetSecondFactor,
        },
        session_stream, sessions, setup, site_sign_out,
    },
    admin, api, gate,
    layout::{home, icons, well_known},
    ops::health,
    security::binding::{BIND, REFRESH, WELL_KNOWN},
    web::assets,
};
use access::Access::{Admin, Public, User};

pub use access::Access;
pub use table::{RouteSpec, Table};

/// Routes that use neither session nor store.
pub fn without_session() -> Table {
    Table::default()
        .get("/static/{name}", Public, assets::serve)
        .get("/favicon.ico", Public, icons::favicon)
        .get("/apple-touch-icon.png", Public, icons::touch)
        .get("/icon-192.png", Public, icons::small)
        .get("/icon-512.png", Public, icons::large)
        .get("/site.webmanifest", Public, icons::manifest)
        .get("/robots.txt", Public, well_known::robots)
        .get("/.well-known/change-password", Public, well_known::change_password)
        .get("/.well-known/security.txt", Public, well_known::security)
        .get(WELL_KNOWN, Public, well_known::device_bound_sessions)
        .get("/healthz", Public, health::alive)
        .get("/readyz", Public, health::ready)
        .get("/auth/verify/stream", Public, api::ends::stream)
}

/// All other routes.
pub fn with_session() -> Table {
    administration(own_pages(visitors(Table::default())))
}

/// What anyone may use.
fn visitors(table: Table) -> Table {
    table
        .get("/", Public, home::show)
        .get("/register", Public, register::show)
        .post("/register", Public, register::submit)
        .get("/login", Public, login::show)
        .post("/login", Public, login::submit)
        .get("/login/verify", Public, second_step::show)
        .post("/login/verify", Public, second_step::submit)
        .post("/login/verify/options", Public, api::passkeys::begin_second_step)
        .post("/login/passkey/options", Public, api::passkeys::begin_sign_in)
        .post("/login/passkey", Public, api::passkeys::sign_in)
        .post("/logout", Public, login::logout)
        .post(BIND, Public, api::bound_sessions::bind)
        .post(REFRESH, Public, api::bound_sessions::refresh)
        .get("/setup", Public, setup::show)
        .post("/setup", Public, setup::submit)
        .get("/email/sent", Public, email_links::sent)
        .get("/email/confirm", Public, email_links::show_confirmation)
        .post("/email/confirm", Public, email_links::confirm)
        .get("/email/undo", Public, email_links::show_undo)
        .post("/email/undo", Public, email_links::undo)
        .get("/password/forgot", Public, forgot::show)
        .post("/password/forgot", Public, forgot::submit)
        .get("/password/reset", Public, recovery::show)
        .post("/password/reset", Public, recovery::submit)
        .get("/sign-in/check", Public, disown::show)
        .post("/sign-in/check", Public, disown::submit)
}

/// The pages of whoever is signed in, and the operator's own.
fn own_pages(table: Table) -> Table {
    table
        .get("/members", User, home::members)
        .get("/profile", User, profile::show)
        .post("/profile", User, profile::change_name)
        .post("/profile/password", User, profile::change_password)
        .post("/profile/email", User, email::change)
        .post("/profile/email/confirm", User, email::confirm)
        .post("/profile/email/resend", User, email::resend)
        .post("/profile/email/withdraw", User, email::withdraw)
        .post("/profile/delete", User, deletion::delete)
        .get("/profile/export", User, export::download)
        .get("/confirm-password", User, confirm::show)
        .post("/confirm-password", User, confirm::submit)
        .post("/confirm-password/options", User, api::passkeys::begin_confirmation)
        .get("/security", User, security::show)
        .get("/security/passkeys", User, passkeys::offer)
        .post_sensitive("/security/passkeys", User, AddPasskey, passkeys::add)
        .post_sensitive("/security/passkeys/options", User, AddPasskey, api::passkeys::begin_registration)
        .post_sensitive("/security/passkeys/{id}/rename", User, RenamePasskey, passkeys::rename)
        .post_sensitive("/security/passkeys/{id}/remove", User, RemovePasskey, passkeys::remove)
        .get("/security/totp", User, authenticator::offer_authenticator)
        .post_sensitive("/security/totp", User, AddAuthenticator, authenticator::add_authenticator)
        .post_sensitive(
            "/security/totp/remove",
            User,
            RemoveAuthenticator,
            authenticator::remove_authenticator,
        )
        .post_sensitive(
            "/security/recovery-codes",
            User,
            MakeRecoveryCodes,
            recovery_codes::make_recovery_codes,
        )
        .post("/security/trusted/forget", User, security::forget_trusted_browsers)
        .get("/activity", User, activity::show)
        .get("/session/events", User, session_stream::events)
        .get("/sessions", User, sessions::show)
        .post_sensitive("/sessions/end-others", User, EndOtherSessions, sessions::end_others)
        .post_sensitive("/sessions/{id}/end", User, EndOwnSession, sessions::end)
        .get("/site-sign-in", User, gate::site_sign_in::hand_over)
        .get("/pages/{path:admin(?:/.*)?}", Admin, gate::pages::serve)
        .get("/pages/{path:.*}", User, gate::pages::serve)
}

/// The pages of administrators.
fn administration(table: Table) -> Table {
    table
        .get("/admin", Admin, admin::overview::page::show)
        .get("/admin/events", Admin, admin::events::list::show)
        .get("/admin/events.csv", Admin, admin::events::csv::download)
        .get("/admin/sessions", Admin, admin::sessions::list::show)
        .post("/admin/sessions/end", Admin, admin::sessions::end::end)
        .get("/admin/sessions/events", Admin, admin::sessions::live::events)
        .get("/admin/sessions/ends/{id}", Admin, admin::sessions::end_progress::show)
        .get("/admin/sessions/{id}", Admin, admin::sessions::one::show)
        .post_sensitive("/admin/sessions/{id}/end", Admin, EndSession, admin::sessions::one::end)
        .get("/admin/users", Admin, admin::users::list::show)
        .post_sensitive("/admin/users", Admin, Invite, admin::users::list::invite)
        .get("/admin/users/{id}", Admin, admin::users::one::show)
        .post_sensitive("/admin/users/{id}/role", Admin, ChangeRole, admin::users::one::change_role)
        .post_sensitive("/admin/users/{id}/deactivate", Admin, Deactivate, admin::users::one::deactivate)
        .post_sensitive("/admin/users/{id}/activate", Admin, Activate, admin::users::one::activate)
        .post_sensitive(
            "/admin/users/{id}/end-sessions",
            Admin,
            EndSessionsOf,
            admin::users::one::end_sessions,
        )
        .post_sensitive("/admin/users/{id}/export", Admin, Export, admin::users::one::export)
        .post_sensitive(
            "/admin/users/{id}/reset-second-factor",
            Admin,
            ResetSecondFactor,
            admin::users::one::reset_second_factor,
        )
        .post_sensitive("/admin/users/{id}/send-reset", Admin, MakeLink, admin::users::one::make_link)
}

/// The calls of front ends, apps and scripts, and the page about them.
pub fn calls() -> Table {
    Table::default()
        .post("/auth/register", Public, api::sign_in::register)
        .post("/auth/login", Public, api::sign_in::login)
        .post("/auth/login/verify", Public, api::sign_in::verify_code)
        .post("/auth/logout", User, api::sign_in::logout)
        .get("/auth/me", User, api::me::me)
        .get("/auth/session", Public, api::me::session)
        .post("/auth/rotate-session", User, api::own_sessions::rotate)
        .get("/auth/sessions", User, api::own_sessions::list)
        .delete("/auth/sessions", User, api::own_sessions::end_others)
        .delete("/auth/sessions/{id}", User, api::own_sessions::end)
        .get("/auth/profile", User, api::me::profile)
        .put("/auth/profile", User, api::me::change_name)
        .get("/auth/verify", Public, api::verify::verify)
        .get("/auth/openapi.json", Public, api::description::json)
        .get("/auth/docs", Public, api::docs::show)
}

/// How a browser becomes known at another site.
fn ways_in(table: Table) -> Table {
    table
        .get("/.gatehouse/static/{name}", Public, assets::serve)
        .get("/.gatehouse/sign-in", Public, gate::site_sign_in::begin)
        .get("/.gatehouse/callback", Public, gate::site_sign_in::callback)
}

/// The routes at sites with cookies of their own, which their proxies hand over.
pub fn at_sites() -> Table {
    ways_in(Table::default()).get("/.gatehouse/sign-out", Public, site_sign_out::show).post(
        "/.gatehouse/sign-out",
        Public,
        site_sign_out::submit,
    )
}

/// The routes of `PAGES_HOST`, which know their reader by a cookie of that host. Nobody can be signed out there, since scripts of the
/// operator's pages must not act for their reader.
pub fn at_pages_host() -> Table {
    ways_in(Table::default()).get("/", Public, gate::pages_host::front).get(
        "/pages/{path:.*}",
        Public,
        gate::pages_host::serve,
    )
}
