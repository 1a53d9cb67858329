//! Tests of the reader.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

fn host(host: &str, port: u16) -> HostAndPort {
    HostAndPort { host: host.to_owned(), port }
}

fn login(user: &str, password: &str) -> RedisLogin {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    RedisLogin { user: some(user), password: some(password) }
}

/// Without TLS.
fn url(servers: RedisServers, login: RedisLogin, database: u16) -> RedisUrl {
    RedisUrl { servers, login, database, tls: false, secrets: Vec::new() }
}

/// What counts.
fn read_of(url: &RedisUrl) -> (&RedisServers, &RedisLogin, u16, bool) {
    (&url.servers, &url.login, url.database, url.tls)
}

/// A text as URLs may have it.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[track_caller]
fn assert_read(text: &str, expected: &RedisUrl) {
    match RedisUrl::parse(text) {
        Ok(url) => assert!(read_of(&url) == read_of(expected), "{text} is read as something else"),
        Err(error) => panic!("{text}: {error}"),
    }
}

#[test]
fn redis_urls_of_one_server_are_read() {
    let (none, one) = (RedisLogin::default, RedisServers::One);
    assert_read("redis://h", &url(one(host("h", 6379)), none(), 0));
    assert_read("REDIS://h", &url(one(host("h", 6379)), none(), 0));
    assert_read("redis://h:6380/3", &url(one(host("h", 6380)), none(), 3));
    assert_read("redis://:p%40ss@h", &url(one(host("h", 6379)), login("", "p@ss"), 0));
    assert_read("redis://:@h", &url(one(host("h", 6379)), none(), 0));
    assert_read("redis://ada:p@[::1]:6379/0", &url(one(host("::1", 6379)), login("ada", "p"), 0));
    assert_read("rediss://h/", &RedisUrl { tls: true, ..url(one(host("h", 6379)), none(), 0) });
    let socket = RedisServers::Socket("/run/redis 1.sock".into());
    assert_read("redis+unix:///run/redis%201.sock", &url(socket.clone(), none(), 0));
    assert_read(
        "redis+unix:///run/redis%201.sock?db=3&user=ada&pass=p%26",
        &url(socket, login("ada", "p&"), 3),
    );
}

#[test]
fn redis_urls_of_several_servers_are_read() {
    let sentinels = |login: RedisLogin| RedisServers::Sentinels {
        sentinels: vec![host("s1", 26379), host("::1", 5)],
        master: "main one".to_owned(),
        login,
    };
    assert_read(
        "redis-sentinel://ada:a%2Fb@s1,[::1]:5/2?master=main%20one",
        &url(sentinels(RedisLogin::default()), login("ada", "a/b"), 2),
    );
    assert_read(
        "rediss-sentinel://s1,[::1]:5?sentinel_password=x%2C&master=main%20one&sentinel_user=grace",
        &RedisUrl { tls: true, ..url(sentinels(login("grace", "x,")), RedisLogin::default(), 0) },
    );
    let nodes = RedisServers::Cluster(vec![host("n1", 6379), host("n2", 7000)]);
    assert_read("redis-cluster://:p@n1,n2:7000", &url(nodes.clone(), login("", "p"), 0));
    assert_read("rediss-cluster://n1,n2:7000/0", &RedisUrl { tls: true, ..url(nodes, login("", ""), 0) });
}

#[test]
fn redis_urls_that_cannot_work_are_refused_without_their_text() {
    for wrong in [
        "redis:hunter2@h",
        "redis:h",
        "redis://",
        "redis://h/abc",
        "redis://h/-1",
        "redis://h/0/1",
        "redis://h:0",
        "redis://h:hunter2",
        "redis://h1,h2:6379",
        "redis://h1:6379,h2:6379",
        "redis://hunter2@h",
        "redis://:hunter2%zz@h",
        "redis://:hunter2%ff@h",
        "redis://:hunter2%00@h",
        "redis://:hunter2#x@h",
        "redis://:hunter2?x@h",
        "redis://:hunter2/x@h",
        "redis://h?db=3",
        "rediss://h#insecure",
        "http://:hunter2@h",
        "unix:///run/redis.sock",
        "h:6379",
        "hunter2",
        "redis-sentinel://h1,h2",
        "redis-sentinel://h1?master=",
        "redis-sentinel://h1,?master=m",
        "redis-sentinel://?master=m",
        "redis-sentinel://h1?master=m&master=n",
        "redis-sentinel://h1?master=m&sentinel_user=hunter2",
        "redis-sentinel://h1?master=m&hunter2=3",
        "redis-sentinel://h1/x?master=m",
        "redis-sentinel://h1 h2?master=m",
        "redis-cluster://h1,h2/1",
        "redis-cluster://h1?master=m",
        "redis-cluster://hunter2@h1",
        "redis+unix://hunter2@h/run/redis.sock",
        "redis+unix:///",
        "redis+unix:///run/redis.sock?db=hunter2",
        "rediss+unix:///run/redis.sock",
        "redis-other://h",
    ] {
        let reason = RedisUrl::parse(wrong).expect_err(wrong);
        assert!(!reason.contains("hunter2") && !reason.contains('\n'), "{reason}");
    }
}

#[test]
fn redis_secrets_are_all_passwords() {
    let text = "redis-sentinel://:p%40ss@h?master=m&sentinel_password=x%2Cy";
    let secrets = RedisUrl::parse(text).unwrap().secrets();
    assert_eq!(secrets, ["p%40ss", "p@ss", "x%2Cy", "x,y"]);
}

fn any_text() -> impl Strategy<Value = String> {
    "[^\0]{1,12}"
}

fn any_login() -> impl Strategy<Value = RedisLogin> {
    let named = (any_text(), any_text()).prop_map(|(user, password)| login(&user, &password));
    prop_oneof![Just(RedisLogin::default()), any_text().prop_map(|password| login("", &password)), named]
}

fn any_hosts() -> impl Strategy<Value = Vec<HostAndPort>> {
    let name = prop_oneof![
        "[a-z][a-z0-9-]{0,8}(\\.[a-z]{1,4})?",
        any::<[u8; 4]>().prop_map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
        any::<[u8; 16]>().prop_map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
    ];
    proptest::collection::vec((name, 1..=u16::MAX).prop_map(|(name, port)| host(&name, port)), 1..5)
}

fn before_hosts(login: &RedisLogin) -> String {
    let part = |text: &Option<String>| escaped(text.as_deref().unwrap_or_default());
    match login {
        RedisLogin { user: None, password: None } => String::new(),
        RedisLogin { user, password } => format!("{}:{}@", part(user), part(password)),
    }
}

proptest! {
    #[test]
    fn redis_urls_come_out_as_they_were_written(
        login in any_login(), own in any_login(), hosts in any_hosts(), master in any_text(), database in 0..99_u16, tls: bool
    ) {
        let s = if tls { "s" } else { "" };
        let list = hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let (at, first) = (before_hosts(&login), &hosts[0]);
        let of_sentinels = [("sentinel_user", &own.user), ("sentinel_password", &own.password)]
            .map(|(name, value)| value.as_deref().map_or_else(String::new, |value| format!("&{name}={}", escaped(value))));
        let servers = RedisServers::Sentinels { sentinels: hosts.clone(), master: master.clone(), login: own };
        let read = |text: String| RedisUrl::parse(&text).map_err(TestCaseError::fail);
        let one = read(format!("redis{s}://{at}{first}/{database}"))?;
        prop_assert!(read_of(&one) == (&RedisServers::One(first.clone()), &login, database, tls));
        let sentinels = format!("redis{s}-sentinel://{at}{list}/{database}?master={}{}", escaped(&master), of_sentinels.concat());
        prop_assert!(read_of(&read(sentinels)?) == (&servers, &login, database, tls));
        let cluster = read(format!("redis{s}-cluster://{at}{list}"))?;
        prop_assert!(read_of(&cluster) == (&RedisServers::Cluster(hosts), &login, 0, tls));
    }

    #[test]
    fn redis_urls_of_sockets_come_out_as_they_were_written(path in "/[^/\0]{1,20}", login in any_login(), database in 0..99_u16) {
        let [user, password] = [("user", &login.user), ("pass", &login.password)]
            .map(|(name, value)| value.as_deref().map_or_else(String::new, |value| format!("&{name}={}", escaped(value))));
        let written = escaped(&path).replace("%2F", "/");
        let read = RedisUrl::parse(&format!("redis+unix://{written}?db={database}{user}{password}"));
        let read = read.map_err(TestCaseError::fail)?;
        prop_assert!(read_of(&read) == (&RedisServers::Socket(path.into()), &login, database, false));
    }

    #[test]
    fn redis_urls_are_read_without_panic(text in "(rediss?(-sentinel|-cluster|\\+unix)?://)?.{0,60}") {
        drop(RedisUrl::parse(&text));
    }
}
