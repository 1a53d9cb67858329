//! W7: many pages that are open, each with the event stream of its own session. What a stream costs, and how soon an end reaches its page.

use std::{
    collections::HashSet,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use crate::{
    app::{self, Prepared, Throttle},
    client::Connection,
    server::{PASSWORD, Server, User, raise_open_files},
    stats,
    stores::{Stores, connect_postgres},
};

/// Streams from one address: a site admits 256 connections of a client. Each address also has its own ports.
const STREAMS_PER_ADDRESS: usize = 200;

/// The first streams come from 127.0.76.1 and so on, for the server may still count them when they are closed; the others from 127.0.77.1.
const FIRST_NETWORK: u8 = 76;
const NETWORK: u8 = 77;

/// Streams that are being opened at the same time.
const OPENING: usize = 64;

/// How long nothing happens while the cost of doing nothing is measured.
const IDLE: Duration = Duration::from_secs(30);

/// Sessions that end one after the other, and most that end at once.
const SINGLE_ENDS: usize = 50;
const ENDS_AT_ONCE: usize = 1_000;

/// What the users who end at once have in common: those with the numbers 0 to 999.
const FILTER: &str = "visitor000";

/// How long an event may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Opens a stream for each user, and prints what all cost.
pub async fn run(stores: &Stores, count: usize) -> Result<()> {
    raise_open_files(count + 1_000)?;
    let Prepared { app, users, .. } = app::prepare(stores, count, 0, Throttle::On).await?;
    let (server, users) = (app.server()?, Arc::from(users));
    // The first streams need more. Their memory is used again, so they are left out below.
    let first = (count / 50).max(8);
    drop(Streams::open(server, &users, first, FIRST_NETWORK).await?);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = stats::memory(server.pid, "VmRSS")?;
    let start = Instant::now();
    let mut streams = Streams::open(server, &users, count, NETWORK).await?;
    eprintln!("· {count} streams opened in {:.1} s", start.elapsed().as_secs_f64());
    let (cpu, statements) = idle(stores, server).await?;
    let each = (stats::memory(server.pid, "VmRSS")? - before) * 1024.0 / (count - first) as f64;
    println!("\n### W7 {count} open event streams\n\n| | measured | goal |\n|---|---|---|");
    println!("| RSS per stream | {each:.1} KiB | <= 20 KiB |");
    println!("| CPU while nothing happens | {cpu:.1} % of a core |  |");
    println!("| statements at the database meanwhile | {statements:.1} per s |  |");
    let singles = SINGLE_ENDS.min(count / 4);
    print_ends("one end", streams.end_singly(server, &users[count - singles..]).await?)?;
    let at_once = ENDS_AT_ONCE.min(count - singles);
    print_ends(&format!("{at_once} ends at once"), streams.end_at_once(server, at_once).await?)?;
    streams.check(count - singles - at_once)?;
    app.stop().await
}

/// CPU in percent of a core, and statements per second at the database, while nothing happens.
async fn idle(stores: &Stores, server: Server) -> Result<(f64, f64)> {
    let database = connect_postgres(&stores.postgres_url).await?;
    let extension = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements";
    database.batch_execute(extension).await.context("pg_stat_statements is needed; see scripts/bench")?;
    database.batch_execute("SELECT pg_stat_statements_reset()").await?;
    let (cpu, start) = (stats::cpu_seconds(server.pid)?, Instant::now());
    tokio::time::sleep(IDLE).await;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = stats::cpu_seconds(server.pid)? - cpu;
    let query = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements \
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query !~ 'pg_stat_statements'";
    let statements: i64 = database.query_one(query, &[]).await?.get(0);
    Ok((100.0 * cpu / seconds, statements as f64 / seconds))
}

fn print_ends(what: &str, mut latencies: Vec<Duration>) -> Result<()> {
    latencies.sort_unstable();
    let figure = |percent| stats::percentile(&latencies, percent);
    let [p50, p99, longest] = [figure(50)?, figure(99)?, figure(100)?];
    println!(
        "| {what}: p50, p99 and longest ms until its page hears | {p50:.0}, {p99:.0}, {longest:.0} | <= 1000 |"
    );
    Ok(())
}

/// Pages that are open, each with the stream of its user's session.
struct Streams {
    pages: JoinSet<Result<()>>,
    /// Whose pages have heard of the end, and when.
    ended: mpsc::UnboundedReceiver<(usize, Instant)>,
}

impl Streams {
    /// Opens the streams of the first users.
    async fn open(server: Server, users: &Arc<[User]>, count: usize, network: u8) -> Result<Self> {
        let (tell, ended) = mpsc::unbounded_channel();
        let opening = Arc::new(Semaphore::new(OPENING));
        let (opened, mut all_opened) = mpsc::channel::<()>(1);
        let mut pages = JoinSet::new();
        for number in 0..count {
            let (users, opening) = (Arc::clone(users), Arc::clone(&opening));
            let (tell, opened) = (tell.clone(), opened.clone());
            pages.spawn(async move {
                let permit = opening.acquire().await?;
                let address = u8::try_from(number / STREAMS_PER_ADDRESS)? + 1;
                let address = Ipv4Addr::new(127, 0, network, address);
                let mut page = Page::open(server.port, address, &users[number].cookie).await?;
                drop((permit, opened));
                page.wait_for("event: signed-out").await?;
                tell.send((number, Instant::now())).context("nobody waits for it")
            });
        }
        drop(opened);
        tokio::select! {
            biased;
            Some(closed) = pages.join_next() => bail!("a stream is closed already: {closed:?}"),
            _ = all_opened.recv() => Ok(Self { pages, ended }),
        }
    }

    /// Signs out these users, who are the last ones, one after the other. Returns how long it took until the page heard.
    async fn end_singly(&mut self, server: Server, users: &[User]) -> Result<Vec<Duration>> {
        let mut connection = Connection::open(server.port).await?;
        let mut latencies = Vec::new();
        for user in users {
            let start = Instant::now();
            let response = connection.post_with_cookie("/logout", &user.cookie, &[]).await?;
            ensure!(response.status == 303, response.unexpected("a sign-out"));
            latencies.extend(self.wait_for_ends(start, 1).await?);
        }
        Ok(latencies)
    }

    /// Ends the sessions of the first users at once, as an administrator.
    async fn end_at_once(&mut self, server: Server, count: usize) -> Result<Vec<Duration>> {
        let mut connection = Connection::open(server.port).await?;
        let cookie = connection.sign_in("admin@example.org", PASSWORD).await?;
        let mut fields = vec![("q", FILTER), ("reason", "Measured")];
        let preview = connection.post_with_cookie("/admin/sessions/end", &cookie, &fields).await?;
        let expected = preview.field_value("expected").ok_or_else(|| preview.unexpected("a preview"))?;
        ensure!(expected == count.to_string(), "{expected} sessions match, not {count}");
        fields.extend([("confirm", "yes"), ("expected", &expected)]);
        let start = Instant::now();
        let (response, latencies) = tokio::join!(
            connection.post_with_cookie("/admin/sessions/end", &cookie, &fields),
            self.wait_for_ends(start, count)
        );
        let response = response?;
        ensure!(response.status == 303, response.unexpected("an end"));
        latencies
    }

    /// Waits until so many pages have heard of an end.
    async fn wait_for_ends(&mut self, start: Instant, count: usize) -> Result<Vec<Duration>> {
        let (mut latencies, mut numbers) = (Vec::new(), HashSet::new());
        while latencies.len() < count {
            let heard = tokio::time::timeout(TIMEOUT, self.ended.recv()).await;
            let (number, at) =
                heard.context("a page has not heard of its end")?.context("no page is open")?;
            ensure!(numbers.insert(number), "page {number} heard twice");
            latencies.push(at - start);
        }
        Ok(latencies)
    }

    /// Checks that all others are still open.
    fn check(&mut self, open: usize) -> Result<()> {
        while let Some(ended) = self.pages.try_join_next() {
            ended??;
        }
        ensure!(self.pages.len() == open, "{} streams are open, not {open}", self.pages.len());
        Ok(())
    }
}

/// The stream of one page.
struct Page {
    stream: TcpStream,
    /// The end of what was read.
    read: Vec<u8>,
}

impl Page {
    async fn open(port: u16, address: Ipv4Addr, cookie: &str) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((address, 0).into())?;
        let mut stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?;
        let request = format!(
            "GET /session/events?list=on HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\
             Sec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut page = Self { stream, read: Vec::new() };
        page.wait_for("HTTP/1.1 200 OK").await?;
        page.wait_for("retry: ").await?;
        Ok(page)
    }

    /// Reads until this text has come.
    async fn wait_for(&mut self, text: &str) -> Result<()> {
        loop {
            if let Some(at) = memmem::find(&self.read, text.as_bytes()) {
                self.read.drain(..at + text.len());
                return Ok(());
            }
            let kept = self.read.len().min(text.len());
            self.read.drain(..self.read.len() - kept);
            let mut bytes = [0; 2_048];
            let count = self.stream.read(&mut bytes).await?;
            ensure!(count > 0, "the stream ended before {text:?}");
            self.read.extend_from_slice(&bytes[..count]);
        }
    }
}
