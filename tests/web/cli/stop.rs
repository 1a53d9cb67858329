//! Tests that the program ends on signals within its bound, whatever its stores and clients do.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::ExitStatus,
    time::{Duration, Instant},
};

use actix_web::rt::spawn;
use reqwest::Method;

use crate::support::{concurrent::send_form, forged_cookies::SECRET, *};

/// Longest time that the program says that it answers on after SIGTERM.
const DRAIN: Duration = Duration::from_secs(5);

/// `REQUEST_TIMEOUT` of these tests, ten seconds, and what a busy machine may add.
const LONGEST_STOP: Duration = Duration::from_secs(26);

/// What ends "at once" on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(3);

/// The key of the lock that migrations hold on Postgres.
const MIGRATION_LOCK: &str = "1734440037";

fn builder(stack: Stack) -> Builder {
    TestApp::builder(stack).var("REQUEST_TIMEOUT", "10s").var("STORE_TIMEOUT", "400ms")
}

/// Waits until the program has ended; returns how, and how long that took.
async fn end(program: &mut OwnProcess) -> (ExitStatus, Duration) {
    let began = Instant::now();
    let mut status = None;
    eventually(|| {
        status = program.ended();
        let is_over = status.is_some();
        async move { is_over }
    })
    .await;
    (status.unwrap(), began.elapsed())
}

/// Sends signals, each after the first once the program says that it stops. Asserts the exit status, and that it came in time.
async fn assert_ends(program: &mut Program, signals: &[&str], code: i32, longest: Duration) {
    let mut began = Instant::now();
    for (number, signal) in signals.iter().enumerate() {
        if number > 0 {
            eventually(|| async { program.output().contains("cli::serve: stopping") }).await;
            began = Instant::now();
        }
        program.signal(signal);
    }
    let status = program.wait();
    assert_eq!(status.code(), Some(code), "{status:?}\n{}", program.output());
    assert!(began.elapsed() < longest, "{:?}", began.elapsed());
    let said = program.output().matches("a second signal: ended at once").count();
    assert_eq!(said, code as usize, "one line says it");
}

on_both_stacks!(stop_answers_on_not_ready_and_ends_with_0, |stack| async {
    let mut program = builder(stack).var("OPS_ADDR", free_addr()).start_program();
    let (ada, client) = (Person::new("Ada Lovelace"), program.client());
    ada.register(&client).await.expect(303);
    let began = Instant::now();
    program.signal("TERM");
    eventually(|| async { client.get("/readyz").await.status == 503 }).await;
    let page = client.request(Method::GET, "/profile").send().await.expect(200).has(&ada.email);
    assert_eq!(page.header("connection"), Some("close"), "proxies keep no connection to it");
    client.get("/healthz").await.expect(200);
    let status = program.wait();
    assert_eq!(status.code(), Some(0), "{}", program.output());
    assert!(began.elapsed() >= DRAIN && began.elapsed() < LONGEST_STOP, "{:?}", began.elapsed());
    assert!(TcpStream::connect(program.addr()).is_err());
});

on_both_stacks!(interrupt_ends_with_0_at_once, |stack| async {
    let mut program = builder(stack).start_program();
    assert_ends(&mut program, &["INT"], 0, AT_ONCE).await;
});

on_both_stacks!(second_signal_ends_at_once_with_1, |stack| async {
    let mut program = builder(stack).start_program();
    for signals in [["TERM", "TERM"], ["TERM", "INT"]] {
        assert_ends(&mut program, &signals, 1, AT_ONCE).await;
        program.restart_with_new_log();
    }
});

on_both_stacks!(stop_does_not_wait_for_a_client_that_reads_nothing, |stack| async {
    let mut program = builder(stack).start_program();
    let client = program.client();
    Person::new("Ada Lovelace").register(&client).await.expect(303);
    for (signals, code, longest) in [(&["TERM"][..], 0, LONGEST_STOP), (&["TERM", "TERM"], 1, AT_ONCE)] {
        let cookie = client.cookie(COOKIE).unwrap();
        // More than all buffers hold is asked for by one connection, and nothing is read.
        let mut stalled = TcpStream::connect(program.addr()).unwrap();
        let request =
            format!("GET /sessions HTTP/1.1\r\nHost: localhost\r\nCookie: {COOKIE}={}\r\n\r\n", cookie.value);
        stalled.write_all(request.repeat(200).as_bytes()).unwrap();
        stalled.read_exact(&mut [0]).unwrap();
        let _stream = client.events("/session/events").await;
        assert_ends(&mut program, signals, code, longest).await;
        program.restart_with_new_log();
    }
});

on_both_stacks!(stop_during_a_long_change_ends_in_time, |stack| async {
    let mut program = builder(stack).var("STORE_TIMEOUT", "60s").start_program();
    for (signals, code, longest) in [(&["TERM"][..], 0, LONGEST_STOP), (&["TERM", "TERM"], 1, AT_ONCE)] {
        let (ada, client) = (Person::new(&format!("Ada {code}")), std::rc::Rc::new(program.client()));
        ada.register(&client).await.expect(303);
        let lock = program.lock_sessions();
        let change = send_form(&client, "/sessions/end-others", &[]);
        lock_is_waited_for(&program).await;
        assert_ends(&mut program, signals, code, longest).await;
        change.abort();
        drop(lock);
        program.restart_with_new_log();
        client.get("/profile").await.expect(200).has(&ada.email);
    }
});

/// SQLite does not say who waits for the lock of the file.
async fn lock_is_waited_for(program: &Program) {
    if program.stack() == Stack::PostgresRedis {
        program.wait_for_blocked(1).await;
    }
}

#[actix_web::test]
async fn stop_ends_in_time_while_a_store_is_frozen() {
    let (postgres, redis) = (PostgresServer::start_own(), RedisServer::start_own());
    let mut program = builder(Stack::PostgresRedis).on_postgres(&postgres).on_redis(&redis).start_program();
    let client = program.client();
    Person::new("Ada Lovelace").register(&client).await.expect(303);
    for (signals, code, longest) in [(&["TERM"][..], 0, LONGEST_STOP), (&["TERM", "TERM"], 1, AT_ONCE)] {
        for store in ["postgres", "redis"] {
            client.get("/profile").await.expect(200);
            if store == "postgres" {
                postgres.freeze()
            } else {
                redis.freeze()
            }
            let waiting = spawn({
                let client = client.copy();
                async move { client.request(Method::GET, "/profile").try_send().await.map(|answer| answer.status) }
            });
            assert_ends(&mut program, signals, code, longest).await;
            if let Ok(status) = waiting.await.unwrap() {
                assert_eq!(status, 503, "{store}");
            }
            if store == "postgres" {
                postgres.thaw()
            } else {
                redis.thaw()
            }
            program.restart_with_new_log();
            eventually(|| async { client.get("/readyz").await.status == 200 }).await;
        }
    }
}

fn start_vars(database: &str) -> Vars {
    let addr = free_addr().to_string();
    let pairs = [
        ("SESSION_SECRET", SECRET),
        ("DATABASE_URL", database),
        ("LISTEN_ADDR", &addr),
        ("STORE_TIMEOUT", "5s"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Ends a program that has begun to start and can't go on; returns what it said.
async fn assert_start_ends(mut program: OwnProcess, signal: &str) {
    program.signal(signal);
    let (status, time) = end(&mut program).await;
    assert_eq!(status.code(), Some(0), "{status:?}\n{}", program.output());
    assert!(time < AT_ONCE, "{time:?}");
    assert!(program.output().contains("stopped before the start was complete"), "{}", program.output());
}

/// Whether a program waits for signals (`SigCgt`, of which SIGTERM is the 15th bit).
fn waits_for_signals(program: &OwnProcess) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << 14) != 0
}

#[actix_web::test]
async fn stop_during_the_start_ends_at_once() {
    let postgres = PostgresServer::start_own();
    postgres.freeze();
    for signal in ["TERM", "INT"] {
        let program = Program::begin(&start_vars(&postgres.url()));
        eventually(|| async { waits_for_signals(&program) }).await;
        assert_start_ends(program, signal).await;
    }
}

#[actix_web::test]
async fn stop_during_migrations_ends_at_once_and_the_next_start_migrates() {
    let database = PostgresDatabase::empty();
    let lock = database.hold(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"));
    let vars = start_vars(database.url());
    let program = Program::begin(&vars);
    eventually(|| async {
        database.count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == 1
    })
    .await;
    // Connections are refused for as long: a proxy asks another instance.
    let addr = &vars.iter().find(|(name, _)| name == "LISTEN_ADDR").unwrap().1;
    assert!(TcpStream::connect(addr).is_err());
    assert_start_ends(program, "TERM").await;
    drop(lock);
    assert!(Program::run(&["migrate"], &vars, "").done().contains("migrations were run"));
}

/// The seconds behind a name in a file.
fn seconds(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap();
    line.trim_end_matches('s').trim().parse().unwrap()
}

#[test]
fn service_manager_and_containers_wait_for_the_longest_stop() {
    // REQUEST_TIMEOUT's default, and ten seconds.
    let longest = 30 + 10;
    assert!(seconds("docs/examples/gatehouse@.service", "TimeoutStopSec=") > longest);
    assert!(seconds("docker-compose.yml", "stop_grace_period:") > longest);
}
