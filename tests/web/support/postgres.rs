//! A test's Postgres database on the shared cluster, or a cluster of its own that it can freeze and kill.

use std::{
    fs,
    net::SocketAddr,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, RunQueryDsl,
    connection::SimpleConnection,
    dsl::sql,
    sql_types::{BigInt, Bool, Text},
};
use tempfile::TempDir;

use super::own_process::{OwnProcess, free_addr, signal};

/// A database that only one test uses; dropping this drops it.
pub struct PostgresDatabase {
    name: String,
    url: String,
}

impl PostgresDatabase {
    /// A migrated database.
    pub fn fresh() -> Self {
        // Migrating takes longer than copying a database that was migrated once.
        static TEMPLATE: OnceLock<PostgresDatabase> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let template = Self::create("template", "template0");
            gatehouse::db::migrate_url(&template.url).unwrap_or_else(|error| panic!("migrations: {error}"));
            template
        });
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self::create(&NEXT.fetch_add(1, Relaxed).to_string(), &template.name)
    }

    /// An empty database without any table, for tests of the migrations.
    pub fn empty() -> Self {
        Self::made_with("")
    }

    /// An empty database with these options of `CREATE DATABASE`, such as `LOCALE 'C'`.
    pub fn made_with(options: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self::create(&format!("empty_{}", NEXT.fetch_add(1, Relaxed)), &format!("template0 {options}"))
    }

    fn create(suffix: &str, template: &str) -> Self {
        let name = format!("gatehouse_{}_{suffix}", std::process::id());
        let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let mut server = connect(&shared_url());
        server.batch_execute(&sql).unwrap();
        // The other strategy writes each page to the log of the server, too.
        let strategy = if has_strategies(&mut server) { "STRATEGY file_copy" } else { "" };
        server.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template} {strategy}")).unwrap();
        let url = shared_url();
        let (base, _) = url.rsplit_once('/').expect("TEST_POSTGRES_URL ends with a database");
        Self { url: format!("{base}/{name}"), name }
    }

    /// Runs statements, separated by semicolons.
    pub fn run(&self, statements: &str) {
        connect(&self.url).batch_execute(statements).unwrap();
    }

    /// Runs a statement on a connection that stays open until what is returned is dropped.
    pub fn hold(&self, statement: &str) -> PgConnection {
        let mut conn = connect(&self.url);
        conn.batch_execute(statement).unwrap();
        conn
    }

    /// The number that a query gives.
    pub fn count(&self, query: &str) -> i64 {
        diesel::select(sql::<BigInt>(&format!("({query})"))).get_result(&mut connect(&self.url)).unwrap()
    }

    /// Its address, for `DATABASE_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let Ok(mut server) = PgConnection::establish(&shared_url()) else { return };
        let _ = server.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Whether there are ways to choose from in which the server copies a database, as from Postgres 15 on.
fn has_strategies(server: &mut PgConnection) -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    let newer = sql::<Bool>("current_setting('server_version_num')::int >= 150000");
    *HAS.get_or_init(|| diesel::select(newer).get_result(server).unwrap())
}

/// Connects; panics with the address when that fails.
pub fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Where the server of a database listens.
pub fn addr_of(url: &str) -> SocketAddr {
    let (_, rest) = url.split_once("://").unwrap();
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    authority.rsplit('@').next().unwrap().parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn shared_url() -> String {
    std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL is not set: run the tests with scripts/test")
}

/// A Postgres cluster that only one test uses, with the empty database `postgres`.
pub struct PostgresServer {
    process: OwnProcess,
    addr: SocketAddr,
}

impl PostgresServer {
    /// Makes and starts a cluster. A kill of its processes loses nothing that was committed.
    pub fn start_own() -> Self {
        let mut addr = free_addr();
        let folder = TempDir::new().unwrap();
        if let Some((user, group)) = server_user() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let output = as_server_user("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg(format!("--pgdata={}", data(folder.path())))
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        let command = &mut command(folder.path(), addr);
        let mut server = Self { process: OwnProcess::start(folder, command), addr };
        while !server.is_up() {
            addr = free_addr();
            server.addr = addr;
            let command = &mut self::command(server.process.folder(), addr);
            server.process.start_again(command);
        }
        server
    }

    /// The address of the cluster's database, for `DATABASE_URL`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.addr)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Makes and starts a standby of it, which follows it.
    pub fn standby(&self) -> Self {
        let (folder, addr) = (TempDir::new().unwrap(), free_addr());
        if let Some((user, group)) = server_user() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        self.copy_to(folder.path());
        let command = &mut command(folder.path(), addr);
        let mut standby = Self { process: OwnProcess::start(folder, command), addr };
        assert!(standby.is_up(), "{}", standby.output());
        standby
    }

    /// Starts again as a standby of another, whose data it gets.
    pub fn become_standby_of(&mut self, primary: &Self) {
        self.kill();
        fs::remove_dir_all(data(self.process.folder())).unwrap();
        primary.copy_to(self.process.folder());
        self.restart();
    }

    /// Copies its data to a folder, with what makes a standby of it.
    fn copy_to(&self, folder: &Path) {
        let mut copy = as_server_user("pg_basebackup");
        copy.args(["--dbname", &self.url(), "--pgdata", &data(folder)]);
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]).current_dir("/");
        let output = copy.output().unwrap();
        assert!(output.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes a superuser who has to say the password.
    pub fn create_role(&self, name: &str, password: &str) {
        let password = password.replace('\'', "''");
        self.run(&format!("CREATE ROLE \"{name}\" SUPERUSER LOGIN PASSWORD '{password}'"));
        let file = format!("{}/pg_hba.conf", data(self.process.folder()));
        let before = fs::read_to_string(&file).unwrap();
        let lines = ["local all", "host all"].map(|place| {
            let from = if place.starts_with("host") { "all" } else { "" };
            format!("{place} \"{name}\" {from} scram-sha-256\n")
        });
        fs::write(&file, lines.concat() + &before).unwrap();
        self.run("SELECT pg_reload_conf()");
    }

    /// The folder of its socket.
    pub fn socket_folder(&self) -> String {
        self.process.folder().display().to_string()
    }

    /// From now on a commit waits until the standby has it too.
    pub fn commit_at_standby_too(&self) {
        self.run("ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.run("SELECT pg_reload_conf()");
        let waits = sql::<BigInt>("(SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync')");
        let deadline = Instant::now() + Duration::from_secs(60);
        while diesel::select(waits.clone()).get_result::<i64>(&mut connect(&self.url())).unwrap() == 0 {
            assert!(Instant::now() < deadline, "{}", self.output());
            sleep(Duration::from_millis(20));
        }
    }

    /// What the cluster has logged.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Freezes all processes of the cluster (SIGSTOP).
    pub fn freeze(&self) {
        // The main process first, so that it starts no others meanwhile.
        self.process.signal("STOP");
        signal_all("STOP", &children_of(self.process.id()));
    }

    /// Resumes all processes of the cluster (SIGCONT).
    pub fn thaw(&self) {
        signal_all("CONT", &children_of(self.process.id()));
        self.process.signal("CONT");
    }

    /// Kills all processes of the cluster (SIGKILL).
    pub fn kill(&mut self) {
        if !self.process.runs() {
            return;
        }
        self.process.signal("STOP");
        let children = children_of(self.process.id());
        signal_all("KILL", &children);
        self.process.kill();
    }

    /// Starts the cluster again on the same port and waits until it accepts connections.
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let command = &mut command(self.process.folder(), self.addr);
            self.process.start_again(command);
            if self.is_up() {
                return;
            }
            // The kernel may still be releasing the memory of the killed processes.
            assert!(Instant::now() < deadline, "{}", self.process.output());
            sleep(Duration::from_millis(50));
        }
    }

    /// Runs statements as the superuser, separated by semicolons.
    pub fn run(&self, statements: &str) {
        connect(&self.url())
            .batch_execute(statements)
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// The address for a role that may have so many connections and owns the database.
    pub fn limited_to(&self, connections: u32) -> String {
        self.run(&format!(
            "CREATE ROLE few LOGIN CONNECTION LIMIT {connections}; ALTER DATABASE postgres OWNER TO few; \
             GRANT ALL ON SCHEMA public TO few; \
             ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO few; ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO few"
        ));
        format!("postgres://few@{}/postgres", self.addr)
    }

    /// How many connections the role of [`Self::limited_to`] has.
    pub fn connections_of_limited(&self) -> i64 {
        let count = sql::<BigInt>("(SELECT count(*) FROM pg_stat_activity WHERE usename = 'few')");
        diesel::select(count).get_result(&mut connect(&self.url())).unwrap()
    }

    /// Restarts the cluster as a standby, which only reads, until [`Self::promote`].
    pub fn restart_as_standby(&mut self) {
        self.run("CHECKPOINT");
        self.kill();
        fs::write(format!("{}/standby.signal", data(self.process.folder())), "").unwrap();
        self.restart();
    }

    /// Stops as soon as nobody is connected any more, and accepts nobody (SIGTERM). Over the connections on which sessions are looked up
    /// and messages arrive it goes on, those of the pool end.
    pub fn shut_down_except_for_lookups(&self) {
        let of_pool = "(SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_stat_activity \
            WHERE application_name = 'gatehouse' AND query !~ 'SELECT.*store_key|LISTEN')";
        let of_pool: String =
            diesel::select(sql::<Text>(of_pool)).get_result(&mut connect(&self.url())).unwrap();
        self.process.signal("TERM");
        let deadline = Instant::now() + Duration::from_secs(60);
        while PgConnection::establish(&self.url()).is_ok() {
            assert!(Instant::now() < deadline, "{}", self.output());
            sleep(Duration::from_millis(20));
        }
        signal_all("TERM", &of_pool.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>());
    }

    /// Makes the standby take writes again. Its connections stay open.
    pub fn promote(&self) {
        self.run("SELECT pg_promote()");
    }

    /// Waits until the cluster accepts connections, some time after its port is open; returns false when it ends instead.
    fn is_up(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.process.runs() {
            if PgConnection::establish(&self.url()).is_ok() {
                return true;
            }
            assert!(Instant::now() < deadline, "{}", self.process.output());
            sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn data(folder: &Path) -> String {
    format!("{}/data", folder.display())
}

fn command(folder: &Path, addr: SocketAddr) -> Command {
    let mut command = as_server_user("postgres");
    let port = addr.port().to_string();
    command.args(["-D", data(folder).as_str(), "-p", port.as_str()]).current_dir("/");
    // Where the machine has no IPv6, it listens on the other alone.
    let sockets = format!("unix_socket_directories={}", folder.display());
    for setting in ["listen_addresses=127.0.0.1,::1", &sockets, "fsync=off", "max_connections=100"] {
        command.args(["-c", setting]);
    }
    command
}

/// One of Postgres' programs, which refuse to run as root, as another user.
fn as_server_user(program: &str) -> Command {
    let folder = std::env::var("TEST_POSTGRES_BIN");
    let folder = folder.expect("TEST_POSTGRES_BIN is not set: run the tests with scripts/test");
    let mut command = Command::new(Path::new(&folder).join(program));
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    command
}

/// The `postgres` user and its group, when the tests run as root.
pub fn server_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> u32 {
        let output = Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
}

/// The processes whose parent is `id`. Each has a session of its own, so no process group holds them.
fn children_of(id: u32) -> Vec<u32> {
    let parent = |process: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The state and the parent follow the name, which is in brackets and may contain any character.
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|process| parent(*process) == Some(id))
        .collect()
}

fn signal_all(name: &str, ids: &[u32]) {
    if !ids.is_empty() {
        signal(name, ids);
    }
}

#[cfg(test)]
mod tests {
    use diesel::{RunQueryDsl, sql_query};

    use super::*;

    #[test]
    fn postgres_server_freezes_dies_and_restarts() {
        let mut server = PostgresServer::start_own();
        let mut before = connect(&server.url());
        before.batch_execute("CREATE TABLE kept (id int)").unwrap();
        server.freeze();
        server.thaw();
        before.batch_execute("INSERT INTO kept VALUES (1)").unwrap();
        server.kill();
        assert!(before.batch_execute("SELECT 1").is_err());
        assert!(PgConnection::establish(&server.url()).is_err());
        server.restart();
        assert_eq!(sql_query("DELETE FROM kept").execute(&mut connect(&server.url())).unwrap(), 1);
    }

    #[test]
    fn postgres_database_is_dropped_with_its_test() {
        let database = PostgresDatabase::empty();
        let url = database.url().to_owned();
        let _open = connect(&url);
        drop(database);
        assert!(PgConnection::establish(&url).is_err());
    }
}
