//! `gatehouse user`: accounts without a browser, with the operations of the administrator's pages.

use clap::Subcommand;

use super::{
    operator::{ListArguments, Operator},
    report::checked_remarks,
};
use crate::{
    accounts::{Actor, Change},
    config::Config,
    users::{Role, fields},
};

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
        /// Read the password from standard input: its first line; all sessions end
        #[arg(long)]
        password_stdin: bool,
    },
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
