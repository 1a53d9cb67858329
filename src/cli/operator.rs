//! An operator's access to the accounts of a site, and what it says of them.

use std::{sync::Arc, time::Duration};

use clap::Args;

use super::{
    report::{error_line, json_line, line, option_lines, plain, rfc3339},
    stdin, stores,
    table::Table,
};
use crate::{
    accounts::{Accounts, Actor, Change, ListedUser, NewAccount},
    admin::users::filter::UserFields,
    config::Config,
    error::Error,
    mail::Outbox,
    sessions::{EndOutcome, Sessions},
    throttle::Throttle,
    users::{Role, User, password::Passwords, tokens},
    web::{Page, ROWS_TO_READ, grouped, grouped_count},
};

/// Longest time that a change which is made waits to be announced.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(2);

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
    /// yes or no
    #[arg(long, default_value = "")]
    second_factor: String,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// An operator's access to the accounts of a site.
pub(super) struct Operator<'a> {
    config: &'a Config,
    pub accounts: Accounts,
    pub sessions: Arc<Sessions>,
}

impl<'a> Operator<'a> {
    pub(super) async fn open(config: &'a Config) -> Result<Self, String> {
        let (db, sessions) = stores::open(config).await?;
        let sessions = Arc::new(sessions);
        let passwords = Passwords::start().map_err(error_line)?;
        let throttle = Throttle::new(config, db.clone(), sessions.redis_commands());
        let outbox = Arc::new(Outbox::new(config, db.clone()));
        let accounts = Accounts::new(db, passwords, Arc::clone(&sessions), throttle, config, outbox);
        Ok(Self { config, accounts, sessions })
    }

    pub(super) async fn wait_for_store(&self) -> Result<(), String> {
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
    pub(super) async fn report(&self, change: Result<Change, Error>, done: &str) -> Result<(), String> {
        self.announce().await;
        match change.map_err(error_line)? {
            Change::Done(outcome) => line(&format!("{} {}", plain(done), ended(outcome)?)),
            Change::Unchanged => line("It was so already."),
            Change::LastAdministrator => {
                Err("this is the only active administrator; make somebody else one first".into())
            }
        }
    }

    pub(super) async fn find(&self, email: &str) -> Result<User, String> {
        let user = self.accounts.by_email(email).await.map_err(error_line)?;
        user.ok_or_else(|| format!("there is no account with the address {}", plain(email)))
    }

    pub(super) async fn create(&self, email: &str, name: &str, role: Role) -> Result<(), String> {
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

    pub(super) async fn print_link(&self, email: &str) -> Result<(), String> {
        let user = self.find(email).await?;
        match self.accounts.issue_link(user.id, Actor::OPERATOR).await.map_err(error_line)? {
            Some(link) => {
                line(&self.config.server.href(&tokens::path(&link.token)))?;
                Ok(())
            }
            None => Err(format!("{} is deactivated; activate it first", plain(email))),
        }
    }

    pub(super) async fn set_password(&self, email: &str) -> Result<(), String> {
        let user = self.find(email).await?;
        let password = stdin::read_password()?;
        self.wait_for_store().await?;
        let outcome = self.accounts.set_password(user.id, password, Actor::OPERATOR).await;
        self.announce().await;
        let outcome = ended(outcome.map_err(error_line)?)?;
        line(&format!("{} has the new password. {outcome}", plain(&user.email)))?;
        Ok(())
    }

    pub(super) async fn list(&self, arguments: ListArguments) -> Result<(), String> {
        let ListArguments { q, role, state, second_factor, json } = arguments;
        let fields = UserFields { q, role, state, second_factor, ..UserFields::default() };
        let query = fields.read().map_err(|errors| option_lines(&errors))?;
        let (mut after, mut count) = (None, 0);
        let mut table = Table::new(["ID", "PERSON", "ROLE", "STATE", "ACTIVE", "LAST SIGN-IN", "REMARKS"]);
        loop {
            let listed = self.accounts.list(query.filter.clone(), after, ROWS_TO_READ, 0).await;
            let (listed, _) = listed.map_err(error_line)?;
            let page = Page::new(listed, |listed| listed.user.id);
            match json {
                true => page.rows.iter().try_for_each(|listed| line(&as_json(listed)))?,
                false => table.write(page.rows.iter().map(as_row).collect())?,
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

fn as_row(listed: &ListedUser) -> [String; 7] {
    let ListedUser { user, active_sessions, key_stolen_at, lacks_second_factor } = listed;
    let seen = user.last_login_at.map_or("never".to_owned(), rfc3339);
    let (role, state) = (user.role.name().to_owned(), user.state.name().to_owned());
    let unconfirmed = (!user.email_confirmed).then(|| "email not confirmed".to_owned());
    let lacking = lacks_second_factor.then(|| "second factor missing".to_owned());
    let same_address = user.same_address_as.map(|id| format!("same address as user {id}"));
    let stolen = key_stolen_at.map(|at| format!("key used by somebody else {}", rfc3339(at)));
    let remarks: Vec<_> = unconfirmed.into_iter().chain(lacking).chain(same_address).chain(stolen).collect();
    let person = format!("{} <{}>", user.name, user.email);
    [user.id.to_string(), person, role, state, grouped(*active_sessions), seen, remarks.join(", ")]
}

fn as_json(listed: &ListedUser) -> String {
    let ListedUser { user, active_sessions, key_stolen_at, .. } = listed;
    json_line(&serde_json::json!({
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "email_confirmed": user.email_confirmed,
        "pending_email": user.pending_email,
        "same_address_as": user.same_address_as,
        "second_factor": user.second_factor,
        "key_stolen_at": key_stolen_at.map(rfc3339),
        "role": user.role.name(),
        "state": user.state.name(),
        "active_sessions": active_sessions,
        "created_at": rfc3339(user.created_at),
        "last_login_at": user.last_login_at.map(rfc3339),
    }))
}
