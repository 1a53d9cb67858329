//! The command line; `gatehouse` without a command serves.

mod demo;
mod drill;
mod failure;
mod operator;
mod progress;
mod report;
mod serve;
mod sessions;
mod shell;
mod signals;
mod stdin;
mod stores;
mod table;
mod users;

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

pub use failure::Failure;

use crate::{
    config::{Config, DatabaseUrl, settings},
    db, files, telemetry,
    users::{keys, passkeys},
};

/// The login for a web site, with sessions that can be seen and ended.
#[derive(Parser)]
#[command(name = "gatehouse", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the site (the default)
    Serve,
    /// Bring the database to the newest migration
    Migrate,
    /// Read the configuration and say what is wrong with it
    CheckConfig,
    /// Ask the server of this configuration whether it serves (for containers)
    Healthcheck,
    /// Accounts
    #[command(subcommand)]
    User(users::UserCommand),
    /// Sessions
    #[command(subcommand)]
    Sessions(Box<sessions::SessionsCommand>),
    /// Fill an empty database with people and sessions for a look around
    Demo(demo::DemoArguments),
    /// End a session of an account of its own, and measure until every instance refuses it
    ///
    /// The session of drill@canary.invalid, to which nobody else can sign in, is ended while it is in use: an open page, an open
    /// stream, a request in flight, a page behind the login. Exit status 0: each instance has refused each of them in time; 1: one
    /// was not refused; 2: that could not be found out.
    Drill(drill::DrillArguments),
    /// Print all settings, as a file `.env`
    Settings {
        /// What each means, as a page in Markdown
        #[arg(long)]
        page: bool,
    },
    /// Print what a shell needs to complete these commands
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the page of the manual
    Man,
}

/// Runs the command line.
///
/// # Errors
/// The text for standard error, and the exit status.
pub async fn run() -> Result<(), Failure> {
    files::keep_new_ones_private();
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    match command {
        Command::Completions { shell } => return Ok(shell::completions(Arguments::command(), shell)?),
        Command::Man => return Ok(shell::man(Arguments::command())?),
        Command::Settings { page: true } => return Ok(report::text(&settings::page())?),
        Command::Settings { page: false } => return Ok(report::text(&settings::env_file())?),
        _ => {}
    }
    let config = Config::from_env().map_err(|mistakes| match &command {
        Command::Drill(_) => Failure::could_not_run(mistakes.to_string()),
        _ => Failure::from(mistakes.to_string()),
    })?;
    let secrets = config.secrets.clone();
    // Errors of libpq and others quote what they were given.
    let mask = |failure: Failure| Failure { text: secrets.mask(&failure.text).into_owned(), ..failure };
    // Boxed: the futures nest deeper than the compiler follows.
    match command {
        Command::Drill(arguments) => Box::pin(drill::run(&config, arguments)).await.map_err(mask),
        other => Box::pin(run_command(other, config)).await.map_err(|text| mask(text.into())),
    }
}

async fn run_command(command: Command, config: Config) -> Result<(), String> {
    match command {
        Command::Serve => {
            telemetry::start_log(&config.log, &config.secrets);
            serve::serve(config).await
        }
        Command::Migrate => migrate(config),
        Command::CheckConfig => check_config(&config),
        Command::Healthcheck => healthcheck(&config),
        Command::Sessions(command) => sessions::run(&config, *command).await,
        Command::Demo(arguments) => demo::run(&config, arguments).await,
        Command::User(command) => users::run(&config, command).await,
        // Run before: they need no configuration, or have a status of their own.
        Command::Completions { .. } | Command::Man | Command::Settings { .. } | Command::Drill(_) => Ok(()),
    }
}

/// What the configuration allows and nobody wants.
fn troubles(config: &Config) -> Vec<String> {
    let server = &config.server;
    let mut troubles = server.frontends.troubles(&server.base_url, config.session.same_site);
    troubles.extend(server.gate.troubles(server));
    troubles.extend_from_slice(config.site.troubles());
    troubles
}

/// What the database says that this configuration takes from people. A database that is not reached, or not there yet, says nothing.
fn lost_passkeys(config: &Config) -> Vec<String> {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let database = &config.stores.database;
    if matches!(database, DatabaseUrl::Sqlite(file) if !file.exists()) {
        return Vec::new();
    }
    let connected = db::Connector::with_timeouts(database.clone(), TIMEOUT).connect();
    let lost =
        connected.map(|mut conn| passkeys::lost_with_other_hosts(&mut conn, config.server.passkey_host()));
    lost.ok().and_then(Result::ok).unwrap_or_default()
}

fn check_config(config: &Config) -> Result<(), String> {
    for trouble in troubles(config).into_iter().chain(lost_passkeys(config)) {
        report::line(&trouble)?;
    }
    report::line(
        "The configuration is fine. Whether the stores are reached is not part of it: the server's /readyz says that.",
    )
}

fn migrate(config: Config) -> Result<(), String> {
    let connector = db::Connector::new(config.stores.database);
    let migrated = db::connect_and_migrate(&connector).and_then(|(mut conn, ran)| {
        keys::fill(&mut conn)?;
        Ok((ran, keys::sharing_an_address(&mut conn)?))
    });
    let (ran, shared) = migrated.map_err(report::error_line)?;
    match ran {
        0 => report::line("The database is up to date.")?,
        count => report::line(&format!("{count} migrations were run."))?,
    }
    for account in shared {
        report::line(&format!("{account}: both are forms of one address, and each signs in with its own."))?;
    }
    Ok(())
}

/// Requests `/healthz` on the port of this configuration.
fn healthcheck(config: &Config) -> Result<(), String> {
    let listen = config.server.listen_addr;
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    request_health(address).map_err(|error| format!("{address} does not serve: {error}"))
}

fn request_health(address: SocketAddr) -> std::io::Result<()> {
    const TIMEOUT: Duration = Duration::from_secs(3);
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    if response.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(std::io::Error::other(response.lines().next().unwrap_or("no answer").to_owned()))
    }
}
