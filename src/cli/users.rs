//! `gatehouse user`: accounts without a browser, with the operations of the administrator's pages.

use std::{sync::Arc, time::Duration};

use clap::{Args, Subcommand};

use super::{
    report::{checked_remarks, error_line, json_line, line, option_lines, plain, rfc3339},
    stdin, stores,
};
use crate::{
    accounts::{Accounts, Actor, Change, ListedUser, NewAccount},
    admin::users::filter::UserFields,
    config::Config,
    error::Error,
    mail::Outbox,
    sessions::{EndOutcome, Sessions},
    throttle::Throttle,
    users::{Role, User, fields, password::Passwords, tokens},
    web::{Page, ROWS_TO_READ, grouped, grouped_count},
};

/// Longest time that a change which is made waits to be announced.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Make an account
    Create {
        /// The address to sign in with
        #[arg(long)]
        email: String,
        /// The person's name
        #[arg(long)]
        name: String,
        /// user or admin
        #[arg(long, default_value = "user")]
        role: String,
        /// Read the password from standard input: its first line
        #[arg(long)]
        password_stdin: bool,
    },
    /// List accounts, newest first
    List(ListArguments),
    /// Change what somebody may do
    SetRole {
        /// The address to sign in with
        email: String,
        /// user or admin
        role: String,
    },
    /// Forbid signing in, and end all sessions
    Deactivate {
        /// The address to sign in with
        email: String,
        /// What the person reads who is signed out
        #[arg(long, default_value = "")]
        reason: String,
        /// For the record only
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Remove the second factor of somebody who has lost it, and end all sessions
    ResetSecondFactor {
        /// The address to sign in with
        email: String,
        /// What the person reads who is signed out
        #[arg(long, default_value = "")]
        reason: String,
        /// For the record only
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Let somebody sign in again
    Activate {
        /// The address to sign in with
        email: String,
    },
    /// Print and mail a one-time link to choose a password, or set the password
    ResetPassword {
        /// The address to sign in with
        email: String,
        /// Read the password from standard input: its first line and end all sessions
        #[arg(long)]
        password_stdin: bool,
    },
}

/// The filters of the administrator's page.
#[derive(Args)]
pub(super) struct ListArguments {
    /// Part of a name or address
    #[arg(long, default_value = "")]
    q: String,
    /// user or admin
    #[arg(long, default_value = "")]
    role: String,
    /// active, invited or deactivated
    #[arg(long, default_value = "")]
    state: String,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// Runs one of the commands.
pub(super) async fn run(config: &Config, command: UserCommand) -> Result<(), String> {
    let operator = || Operator::open(config);
    match command {
        UserCommand::Create { email, name, role, password_stdin } => {
            let role = check_new_account(&email, &name, &role, password_stdin)?;
            operator().await?.create(&email, &name, role).await
        }
        UserCommand::List(arguments) => operator().await?.list(arguments).await,
        UserCommand::SetRole { email, role } => {
            let role = Role::parse(&role).ok_or("the role may be user or admin")?;
            let operator = operator().await?;
            let user = operator.find(&email).await?;
            let change = operator.accounts.set_role(user.id, role, Actor::OPERATOR).await;
            operator.report(change, &format!("{} is now {}.", user.email, role.name())).await
        }
        UserCommand::Deactivate { email, reason, note } => {
            let remarks = checked_remarks(&reason, &note)?;
            let operator = operator().await?;
            let user = operator.find(&email).await?;
            operator.wait_for_store().await?;
            let change = operator.accounts.deactivate(user.id, remarks, Actor::OPERATOR).await;
            operator.report(change, &format!("{} is deactivated.", user.email)).await
        }
        UserCommand::ResetSecondFactor { email, reason, note } => {
            let remarks = checked_remarks(&reason, &note)?;
            let operator = operator().await?;
            let user = operator.find(&email).await?;
            operator.wait_for_store().await?;
            let reset = operator.accounts.reset_second_factor(user.id, remarks, Actor::OPERATOR).await;
            let change = reset.map(|ended| ended.map_or(Change::Unchanged, Change::Done));
            operator.report(change, &format!("{} signs in with the password alone.", user.email)).await
        }
        UserCommand::Activate { email } => {
            let operator = operator().await?;
            let user = operator.find(&email).await?;
            let change = operator.accounts.activate(user.id, Actor::OPERATOR).await;
            operator.report(change, &format!("{} is active.", user.email)).await
        }
        UserCommand::ResetPassword { email, password_stdin: false } => {
            operator().await?.print_link(&email).await
        }
        UserCommand::ResetPassword { email, password_stdin: true } => {
            operator().await?.set_password(&email).await
        }
    }
}

/// An operator's access to the accounts of a site.
struct Operator<'a> {
    config: &'a Config,
    accounts: Accounts,
    sessions: Arc<Sessions>,
}

impl<'a> Operator<'a> {
    async fn open(config: &'a Config) -> Result<Self, String> {
        let (db, sessions) = stores::open(config).await?;
        let sessions = Arc::new(sessions);
        let passwords = Passwords::start().map_err(error_line)?;
        let throttle = Throttle::new(config, db.clone(), sessions.redis_commands());
        let outbox = Arc::new(Outbox::new(config, db.clone()));
        let accounts = Accounts::new(db, passwords, Arc::clone(&sessions), throttle, config, outbox);
        Ok(Self { config, accounts, sessions })
    }

    async fn wait_for_store(&self) -> Result<(), String> {
        stores::wait(&self.sessions).await
    }

    /// Tells the servers what was changed, so that open pages of administrators stop at once. Those that are not reached find it
    /// in the database, within seconds.
    async fn announce(&self) {
        if self.sessions.wait(ANNOUNCE_TIMEOUT).await.is_ok() {
            self.sessions.send_queued().await;
        }
    }

    /// Announces a change and says what became of it.
    async fn report(&self, change: Result<Change, Error>, done: &str) -> Result<(), String> {
        self.announce().await;
        match change.map_err(error_line)? {
            Change::Done(outcome) => line(&format!("{} {}", plain(done), ended(outcome)?)),
            Change::Unchanged => line("It was so already."),
            Change::LastAdministrator => {
                Err("this is the only active administrator; make somebody else one first".into())
            }
        }
    }

    async fn find(&self, email: &str) -> Result<User, String> {
        let user = self.accounts.by_email(email).await.map_err(error_line)?;
        user.ok_or_else(|| format!("there is no account with the address {}", plain(email)))
    }

    async fn create(&self, email: &str, name: &str, role: Role) -> Result<(), String> {
        let new =
            NewAccount { name: name.to_owned(), email: email.to_owned(), password: stdin::read_password()? };
        match self.accounts.create(new, role).await.map_err(error_line)? {
            Some(user) => {
                line(&format!("Made {} {} (user {}).", role.name(), user.email, user.id))?;
                Ok(())
            }
            None => Err(format!("--email: an account with {email} exists already")),
        }
    }

    async fn print_link(&self, email: &str) -> Result<(), String> {
        let user = self.find(email).await?;
        match self.accounts.issue_link(user.id, Actor::OPERATOR).await.map_err(error_line)? {
            Some(link) => {
                line(&self.config.server.href(&tokens::path(&link.token)))?;
                Ok(())
            }
            None => Err(format!("{} is deactivated; activate it first", plain(email))),
        }
    }

    async fn set_password(&self, email: &str) -> Result<(), String> {
        let user = self.find(email).await?;
        let password = stdin::read_password()?;
        self.wait_for_store().await?;
        let outcome = self.accounts.set_password(user.id, password, Actor::OPERATOR).await;
        self.announce().await;
        let outcome = ended(outcome.map_err(error_line)?)?;
        line(&format!("{} has the new password. {outcome}", plain(&user.email)))?;
        Ok(())
    }

    async fn list(&self, arguments: ListArguments) -> Result<(), String> {
        let ListArguments { q, role, state, json } = arguments;
        let fields = UserFields { q, role, state, ..UserFields::default() };
        let query = fields.read().map_err(|errors| option_lines(&errors))?;
        let (mut after, mut count) = (None, 0);
        loop {
            let listed = self.accounts.list(query.filter.clone(), after, ROWS_TO_READ, 0).await;
            let (listed, _) = listed.map_err(error_line)?;
            let page = Page::new(listed, |listed| listed.user.id);
            for listed in &page.rows {
                line(&if json { as_json(listed) } else { as_line(listed) })?;
            }
            count += page.rows.len();
            match page.next {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        if !json {
            line(&format!("{} {}.", grouped_count(count), if count == 1 { "account" } else { "accounts" }))?;
        }
        Ok(())
    }
}

/// Checks the arguments of a new account before anything is opened. Returns the role.
fn check_new_account(email: &str, name: &str, role: &str, password_stdin: bool) -> Result<Role, String> {
    fields::email(email).map_err(|error| format!("--email: {error}"))?;
    fields::name(name).map_err(|error| format!("--name: {error}"))?;
    let role = Role::parse(role).ok_or("--role: may be user or admin")?;
    if password_stdin {
        Ok(role)
    } else {
        Err("--password-stdin: give it and write the password to standard input".into())
    }
}

fn ended(outcome: EndOutcome) -> Result<String, String> {
    if !outcome.confirmed {
        return Err("Done, and the sessions are refused from now on, but the store has not confirmed that all entries \
                    are gone; the server goes on trying."
            .into());
    }
    Ok(match outcome.count {
        0 => String::new(),
        1 => "1 session ended.".to_owned(),
        count => format!("{} sessions ended.", grouped_count(count)),
    })
}

fn as_line(listed: &ListedUser) -> String {
    let ListedUser { user, active_sessions } = listed;
    let seen = user.last_login_at.map_or("never".to_owned(), rfc3339);
    let (role, state) = (user.role.name(), user.state.name());
    let unconfirmed = if user.email_confirmed { "" } else { "  email not confirmed" };
    let same_address =
        user.same_address_as.map_or_else(String::new, |id| format!("  same address as user {id}"));
    plain(&format!(
        "{}  {} <{}>  {role}  {state}  {} active  last sign-in {seen}{unconfirmed}{same_address}",
        user.id,
        user.name,
        user.email,
        grouped(*active_sessions)
    ))
}

fn as_json(listed: &ListedUser) -> String {
    let ListedUser { user, active_sessions } = listed;
    json_line(&serde_json::json!({
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "email_confirmed": user.email_confirmed,
        "pending_email": user.pending_email,
        "same_address_as": user.same_address_as,
        "role": user.role.name(),
        "state": user.state.name(),
        "active_sessions": active_sessions,
        "created_at": rfc3339(user.created_at),
        "last_login_at": user.last_login_at.map(rfc3339),
    }))
}
