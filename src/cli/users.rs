//! `gatehouse user`: accounts without a browser, with the verbs of the administrator's pages.

use std::io::{Read as _, Write as _};

use clap::{Args, Subcommand};

use super::{REACH, sessions::rfc3339, tell};
use crate::{
    accounts::{
        administer::{self, Actor, Change},
        pages::forms,
        password_links,
    },
    admin::users::{filter::UserFields, list::PAGE},
    config::Config,
    db::Db,
    events::{Event, Kind},
    sessions::{Ends, Sessions},
    users::{
        NewUser, Role, User,
        list::{self, Person},
        password::{self, Passwords},
        tokens,
    },
    web::grouped,
};

#[derive(Subcommand)]
pub enum UserCommand {
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
        /// Read the password from standard input (without the line break at its end)
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
    },
    /// Let somebody sign in again
    Activate {
        /// The address to sign in with
        email: String,
    },
    /// Print a one-time link to choose a password, or set the password
    ResetPassword {
        /// The address to sign in with
        email: String,
        /// Read the password from standard input (without the line break at its end) and end all sessions
        #[arg(long)]
        password_stdin: bool,
    },
}

/// The filters of the administrator's page.
#[derive(Args)]
pub struct ListArguments {
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
pub async fn run(config: &Config, command: UserCommand) -> Result<(), String> {
    match command {
        UserCommand::Create { email, name, role, password_stdin } => {
            create(config, &email, &name, &role, password_stdin).await
        }
        UserCommand::List(arguments) => list(config, arguments).await,
        UserCommand::SetRole { email, role } => {
            let role = Role::parse(&role).ok_or("the role may be user or admin")?;
            let (db, user) = find(config, &email).await?;
            let change = administer::set_role(&db, user.id, role, Actor::OPERATOR).await.map_err(tell)?;
            report(change, &format!("{} is now {}.", user.email, role.name()))
        }
        UserCommand::Deactivate { email } => {
            let (db, user) = find(config, &email).await?;
            let sessions = reach(config, &db).await?;
            let change =
                administer::deactivate(&db, &sessions, user.id, Actor::OPERATOR).await.map_err(tell)?;
            report(change, &format!("{} is deactivated.", user.email))
        }
        UserCommand::Activate { email } => {
            let (db, user) = find(config, &email).await?;
            let change = administer::activate(&db, user.id, Actor::OPERATOR).await.map_err(tell)?;
            report(change, &format!("{} is active.", user.email))
        }
        UserCommand::ResetPassword { email, password_stdin: false } => link(config, &email).await,
        UserCommand::ResetPassword { email, password_stdin: true } => set_password(config, &email).await,
    }
}

async fn open(config: &Config) -> Result<Db, String> {
    let db = Db::new(&config.database, REACH);
    db.prepare().await.map_err(tell)?;
    Ok(db)
}

async fn reach(config: &Config, db: &Db) -> Result<Sessions, String> {
    let sessions = Sessions::new(config, db.clone()).await.map_err(tell)?;
    sessions.wait(REACH).await.map_err(tell)?;
    Ok(sessions)
}

async fn find(config: &Config, email: &str) -> Result<(Db, User), String> {
    let db = open(config).await?;
    let asked = email.to_owned();
    let user = db.run(move |conn| User::by_email(conn, &asked)).await.map_err(tell)?;
    let user = user.ok_or_else(|| format!("there is no account with the address {}", plain(email)))?;
    Ok((db, user))
}

fn report(change: Change, done: &str) -> Result<(), String> {
    match change {
        Change::Done(ends) => {
            println!("{} {}", plain(done), ended(ends)?);
            Ok(())
        }
        Change::Nothing => {
            println!("It was so already.");
            Ok(())
        }
        Change::LastAdministrator => {
            Err("this is the only active administrator; make somebody else one first".into())
        }
    }
}

fn ended(ends: Ends) -> Result<String, String> {
    if !ends.confirmed {
        return Err("Done, and the sessions are refused from now on, but the store has not confirmed that all entries \
                    are gone; the server goes on trying."
            .into());
    }
    Ok(match ends.count {
        0 => String::new(),
        1 => "1 session ended.".to_owned(),
        count => format!("{} sessions ended.", grouped(count.try_into().unwrap_or(i64::MAX))),
    })
}

/// The password on standard input, if it is good enough.
fn read_password(config: &Config, about: &[&str]) -> Result<String, String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    match password::weakness(text, config.accounts.password_min_length, about) {
        Some(weakness) => Err(format!("the password: {weakness}")),
        None => Ok(text.to_owned()),
    }
}

async fn hash(password: String) -> Result<String, String> {
    Passwords::start().map_err(tell)?.hash(password).await.map_err(tell)
}

async fn create(config: &Config, email: &str, name: &str, role: &str, stdin: bool) -> Result<(), String> {
    forms::email(email).map_err(|error| format!("--email: {error}"))?;
    forms::name(name).map_err(|error| format!("--name: {error}"))?;
    let role = Role::parse(role).ok_or("--role: may be user or admin")?;
    if !stdin {
        return Err("--password-stdin: give it and write the password to standard input".into());
    }
    let password_hash = hash(read_password(config, &[name, email])?).await?;
    let new = NewUser { name: name.trim().into(), email: email.trim().into(), password_hash, role };
    let db = open(config).await?;
    let made = db.transaction(move |conn| {
        let user = User::create(conn, &new)?;
        let kind = if role == Role::Admin { Kind::AdministratorMade } else { Kind::Registered };
        Event::new(kind, Some(user.id)).by(None).detail("command line").write(conn)?;
        Ok(user)
    });
    match made.await {
        Ok(user) => {
            println!("Made {} {} (user {}).", role.name(), user.email, user.id);
            Ok(())
        }
        Err(error) if error.is_unique_violation() => {
            Err(format!("--email: an account with {email} exists already"))
        }
        Err(error) => Err(tell(error)),
    }
}

async fn link(config: &Config, email: &str) -> Result<(), String> {
    let (db, user) = find(config, email).await?;
    match password_links::make_link(&db, user.id, Actor::OPERATOR).await.map_err(tell)? {
        Some(link) => {
            println!("{}", tokens::link(&config.server.base_url, &link.token));
            Ok(())
        }
        None => Err(format!("{} is deactivated; activate it first", plain(email))),
    }
}

async fn set_password(config: &Config, email: &str) -> Result<(), String> {
    let (db, user) = find(config, email).await?;
    let hash = hash(read_password(config, &[&user.name, &user.email])?).await?;
    let sessions = reach(config, &db).await?;
    let done = password_links::set_password(&db, &sessions, user.id, hash, Actor::OPERATOR).await;
    println!("{} has the new password. {}", plain(&user.email), ended(done.map_err(tell)?)?);
    Ok(())
}

async fn list(config: &Config, arguments: ListArguments) -> Result<(), String> {
    let ListArguments { q, role, state, json } = arguments;
    let fields = UserFields { q, role, state, ..UserFields::default() };
    let wanted = fields.read().map_err(|errors| {
        errors.all().map(|(field, message)| format!("--{field}: {message}")).collect::<Vec<_>>().join("\n")
    })?;
    let db = open(config).await?.patient();
    let (mut after, mut count) = (None, 0);
    loop {
        let filter = wanted.filter.clone();
        let work = move |conn: &mut _| list::page(conn, &filter, after, PAGE);
        let found = db.run(work).await.map_err(tell)?;
        let mut out = std::io::stdout().lock();
        for person in &found {
            let line = if json { as_json(person) } else { as_line(person) };
            writeln!(out, "{line}").map_err(|error| error.to_string())?;
        }
        count += i64::try_from(found.len()).unwrap_or(0);
        match found.last() {
            Some(last) => after = Some(last.id),
            None => break,
        }
    }
    if !json {
        println!("{} {}.", grouped(count), if count == 1 { "account" } else { "accounts" });
    }
    Ok(())
}

/// Names come from outside: nothing of them may steer the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn as_line(person: &Person) -> String {
    let seen = person.last_login_at.map_or("never".to_owned(), rfc3339);
    let (role, state) = (person.role.name(), person.state.name());
    plain(&format!(
        "{}  {} <{}>  {role}  {state}  {} active  last sign-in {seen}",
        person.id,
        person.name,
        person.email,
        grouped(person.sessions)
    ))
}

fn as_json(person: &Person) -> String {
    serde_json::json!({
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": person.role.name(),
        "state": person.state.name(),
        "active_sessions": person.sessions,
        "created_at": rfc3339(person.created_at),
        "last_login_at": person.last_login_at.map(rfc3339),
    })
    .to_string()
}
