//! The command line: `gatehouse` alone serves.

mod demo;
mod sessions;

use std::{
    io::{IsTerminal as _, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{
    accounts::{
        NewUser, Role, User, forms,
        password::{self, Passwords},
        setup,
    },
    app,
    config::{Config, LogFormat},
    db::{self, Db},
    error::Error,
    events::{Event, Kind},
};

/// Longest wait for database and store on the command line.
const REACH: Duration = Duration::from_secs(10);

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
    User(UserCommand),
    /// Sessions
    #[command(subcommand)]
    Sessions(sessions::SessionsCommand),
    /// Fill an empty database with people and sessions for a look around
    Demo(demo::DemoArguments),
}

#[derive(Subcommand)]
enum UserCommand {
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
}

/// Runs the command line; the error is the line for standard error.
pub async fn run() -> Result<(), String> {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let config = Config::from_env().map_err(|mistakes| mistakes.to_string())?;
    let done = match command {
        Command::Serve => {
            start_log(config.log_format);
            serve(config).await
        }
        Command::Migrate => migrate(config),
        Command::CheckConfig => {
            println!("The configuration is fine.");
            Ok(())
        }
        Command::Healthcheck => return healthcheck(&config),
        Command::Sessions(command) => return sessions::run(&config, command).await,
        Command::Demo(arguments) => return demo::run(&config, arguments).await,
        Command::User(UserCommand::Create { email, name, role, password_stdin }) => {
            return create_user(config, &email, &name, &role, password_stdin).await;
        }
    };
    done.map_err(tell)
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,actix_session=error,actix_server=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
    }
}

async fn serve(config: Config) -> Result<(), Error> {
    let base_url = config.server.base_url.clone();
    let mut running = app::start(config, |_| {}).await?;
    tracing::info!(listen = %running.addr, site = %base_url, "serving");
    setup::announce(running.setup_link.as_deref());
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    tokio::select! {
        ended = running.wait() => return ended,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

fn migrate(config: Config) -> Result<(), Error> {
    use r2d2::ManageConnection as _;
    let mut conn = db::Connect::new(config.database).connect().map_err(Error::unavailable)?;
    match db::migrate(&mut conn)? {
        0 => println!("The database is up to date."),
        count => println!("{count} migrations were run."),
    }
    Ok(())
}

/// Asks `/healthz` on the port that this configuration listens on.
fn healthcheck(config: &Config) -> Result<(), String> {
    let listen = config.server.listen_addr;
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    ask_health(address).map_err(|error| format!("{address} does not serve: {error}"))
}

fn ask_health(address: SocketAddr) -> std::io::Result<()> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(std::io::Error::other(answer.lines().next().unwrap_or("no answer").to_owned()))
    }
}

async fn create_user(config: Config, email: &str, name: &str, role: &str, stdin: bool) -> Result<(), String> {
    forms::email(email).map_err(|error| format!("--email: {error}"))?;
    forms::name(name).map_err(|error| format!("--name: {error}"))?;
    let role = Role::parse(role).ok_or("--role: may be user or admin")?;
    if !stdin {
        return Err("--password-stdin: give it and write the password to standard input".into());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if let Some(weakness) = password::weakness(text, config.accounts.password_min_length, &[name, email]) {
        return Err(format!("the password: {weakness}"));
    }
    let passwords = Passwords::start().map_err(tell)?;
    let password_hash = passwords.hash(text.to_owned()).await.map_err(tell)?;
    let new = NewUser { name: name.trim().into(), email: email.trim().into(), password_hash, role };
    let db = Db::new(&config.database, REACH);
    db.prepare().await.map_err(tell)?;
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
        Err(error) => Err(error.causes()),
    }
}

/// A progress bar on standard error; only on a terminal, elsewhere nothing is drawn.
pub fn progress(what: &'static str, count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} {wide_bar} {human_pos}/{human_len} {eta:>4}");
    let bar = ProgressBar::new(count).with_message(what);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

fn tell(error: Error) -> String {
    error.causes()
}
