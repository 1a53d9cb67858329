//! The actions that need the password to have been given recently, and what the page that asks for it says of each.

use std::borrow::Cow;

use actix_web::HttpRequest;

use crate::{
    accounts::{directory::ListedUser, service::Accounts},
    error::Error,
    sessions::{
        CurrentUser, Sessions,
        catalogue::{device, list::ListedSession},
    },
    state::shared,
    text::{NOT_VISIBLE, shown},
    users::Role,
    web::grouped,
};

/// Most characters of a field that are shown.
const MAX_SHOWN: usize = 254;

/// An action that needs the password to have been given recently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensitiveAction {
    /// Makes an account for somebody.
    Invite,
    /// Changes a user's role.
    ChangeRole,
    /// Deactivates a user.
    Deactivate,
    /// Activates a user.
    Activate,
    /// Makes a one-time link for a user.
    MakeLink,
    /// Exports what is stored of a user.
    Export,
    /// Ends all sessions of a user.
    EndSessionsOf,
    /// Ends one session, of anybody.
    EndSession,
    /// Ends one of the user's own sessions.
    EndOwnSession,
    /// Ends the user's other sessions.
    EndOtherSessions,
    /// Sets up an authenticator app.
    AddAuthenticator,
    /// Removes it.
    RemoveAuthenticator,
    /// Adds a passkey.
    AddPasskey,
    /// Calls a passkey otherwise.
    RenamePasskey,
    /// Removes a passkey.
    RemovePasskey,
    /// Makes new recovery codes.
    MakeRecoveryCodes,
    /// Removes the second factor of a user.
    ResetSecondFactor,
}

/// What is about to be done, for the page that asks for the password.
pub struct Description {
    /// What follows "You are about to", without a full stop.
    pub about_to: String,
    /// The label of the button that does it.
    pub button: Cow<'static, str>,
}

impl Description {
    /// An end of this many sessions of so many people; `name`: of the only one.
    pub fn end_of_sessions(count: i64, people: i64, name: Option<&str>) -> Self {
        let sessions = sessions(count);
        let whose = match name.filter(|_| people == 1) {
            Some(name) => visible(name),
            None if people == 1 => "1 person".to_owned(),
            None => format!("{} people", grouped(people)),
        };
        Self { about_to: format!("end {sessions} of {whose}"), button: format!("End {sessions}").into() }
    }

    fn new(about_to: String, button: &'static str) -> Self {
        Self { about_to, button: button.into() }
    }
}

impl SensitiveAction {
    /// What a request with these fields is about to do.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is nothing that it could be done to; [`Error::Unavailable`] when that can't be read.
    pub async fn describe(
        self,
        req: &HttpRequest,
        accounts: &Accounts,
        user: &CurrentUser,
        fields: &[(String, String)],
    ) -> Result<Description, Error> {
        Ok(match self {
            Self::Invite => {
                let (name, email) = (field(fields, "name", "somebody"), field(fields, "email", "no address"));
                Description::new(format!("invite {name} ({email}) as {}", role(fields)), "Invite")
            }
            Self::ChangeRole => {
                let name = name_of(&target(req, accounts).await?);
                Description::new(format!("make {name} {}", role(fields)), "Change role")
            }
            Self::Deactivate | Self::Activate | Self::MakeLink | Self::Export | Self::ResetSecondFactor => {
                self.to_account_of(&name_of(&target(req, accounts).await?))
            }
            Self::EndSessionsOf => {
                let target = target(req, accounts).await?;
                let kept = i64::from(target.user.id == user.id);
                Description::end_of_sessions(target.active_sessions - kept, 1, Some(&target.user.name))
            }
            Self::EndSession => end_of_one(&session(req).await?, Whose::Anybodys),
            Self::EndOwnSession => match session(req).await? {
                own if own.user_id == user.id => end_of_one(&own, Whose::Own),
                _ => return Err(Error::NotFound),
            },
            Self::AddAuthenticator
            | Self::RemoveAuthenticator
            | Self::AddPasskey
            | Self::RenamePasskey
            | Self::RemovePasskey
            | Self::MakeRecoveryCodes => self.to_own_second_factor(user),
            Self::EndOtherSessions => {
                let others = accounts.one(user.id).await?.active_sessions - 1;
                let which = if others == 1 { "session" } else { "sessions" };
                let about_to = format!("end your {} other {which}", grouped(others));
                Description::new(about_to, "Sign out everywhere else")
            }
        })
    }
}

impl SensitiveAction {
    /// What an administrator is about to do to an account.
    fn to_account_of(self, name: &str) -> Description {
        let (about_to, button) = match self {
            Self::Deactivate => (
                format!("deactivate the account of {name}, which ends all its sessions"),
                "Deactivate account",
            ),
            Self::Activate => (format!("activate the account of {name}"), "Activate account"),
            Self::MakeLink => (format!("mail {name} a link to choose a password"), "Make a link"),
            Self::ResetSecondFactor => (
                format!("remove the second factor of {name}, which ends all their sessions"),
                "Remove second factor",
            ),
            _ => (format!("download all that is stored of {name}"), "Download"),
        };
        Description::new(about_to, button)
    }

    /// What a user is about to do to their own second factor.
    fn to_own_second_factor(self, user: &CurrentUser) -> Description {
        let (about_to, button) = match self {
            Self::RemoveAuthenticator if user.second_factor_required => (
                "remove your authenticator app; without another second factor you have to set one up then before anything else",
                "Remove",
            ),
            Self::RemoveAuthenticator => ("remove your authenticator app", "Remove"),
            Self::AddPasskey => ("add a passkey", "Add"),
            Self::RenamePasskey => ("rename a passkey", "Rename"),
            Self::RemovePasskey => ("remove a passkey; it can't be used to sign in any more then", "Remove"),
            Self::MakeRecoveryCodes => {
                ("make new recovery codes; the old ones don't work any more then", "Make new codes")
            }
            _ => ("set up an authenticator app", "Set up"),
        };
        Description::new(about_to.to_owned(), button)
    }
}

/// Whose session is to end.
enum Whose {
    Own,
    Anybodys,
}

fn end_of_one(session: &ListedSession, whose: Whose) -> Description {
    let whose = match whose {
        Whose::Own => "your session".to_owned(),
        Whose::Anybodys => format!("the session of {}", visible(&session.name)),
    };
    let device = device::describe(&session.browser, &session.browser_version, &session.os);
    Description::new(format!("end {whose} on {device}"), "End session")
}

/// The field with this name as it can be shown, `fallback` if it is empty.
fn field(fields: &[(String, String)], name: &str, fallback: &str) -> String {
    let value = fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim());
    shown(&value.chars().take(MAX_SHOWN).collect::<String>(), fallback)
}

fn role(fields: &[(String, String)]) -> &'static str {
    match Role::parse(&field(fields, "role", "")) {
        Some(Role::Admin) => "an administrator",
        Some(Role::User) => "a user",
        None => "somebody with another role",
    }
}

fn name_of(listed: &ListedUser) -> String {
    visible(&listed.user.name)
}

/// The user whose id is in the path.
async fn target(req: &HttpRequest, accounts: &Accounts) -> Result<ListedUser, Error> {
    accounts.one(id(req)?.parse().map_err(|_| Error::NotFound)?).await
}

/// The session whose id is in the path.
async fn session(req: &HttpRequest) -> Result<ListedSession, Error> {
    shared::<Sessions>(req)?.one(id(req)?.to_owned()).await
}

fn id(req: &HttpRequest) -> Result<&str, Error> {
    req.match_info().get("id").ok_or(Error::NotFound)
}

fn sessions(count: i64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "session" } else { "sessions" })
}

/// What somebody typed, as it can be shown.
fn visible(text: &str) -> String {
    shown(text, NOT_VISIBLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_sessions_names_one_person_and_counts_several() {
        for (count, people, name, about_to) in [
            (1, 1, Some("Ada"), "end 1 session of Ada"),
            (3, 1, Some("Ada"), "end 3 sessions of Ada"),
            (1_234, 17, Some("Ada"), "end 1,234 sessions of 17 people"),
            (3, 1, None, "end 3 sessions of 1 person"),
        ] {
            assert_eq!(Description::end_of_sessions(count, people, name).about_to, about_to);
        }
    }
}
