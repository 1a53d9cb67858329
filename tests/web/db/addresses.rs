//! Tests that `DATABASE_URL` leads where libpq's addresses lead.

use crate::support::*;

/// Every byte but letters and digits, percent-encoded.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

const USER: &str = "ada@home/x";
const DATABASE: &str = "log?in & %41=b";
/// All that a keyboard has, and more.
const SPECIAL: &str = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~äß€😀%41";

#[test]
fn postgres_addresses_lead_where_libpq_goes() {
    let server = PostgresServer::start_own();
    server.create_role(USER, SPECIAL);
    server.run(&format!("CREATE DATABASE \"{DATABASE}\""));
    let login = format!("{}:{}", encoded(USER), encoded(SPECIAL));
    let (name, addr, port) = (encoded(DATABASE), server.addr(), server.addr().port());
    let (folder, nothing) = (server.socket_folder(), free_addr());
    let mut urls = vec![
        format!("postgres://{login}@{addr}/{name}"),
        format!("postgresql://{login}@localhost:{port}/{name}?"),
        format!("postgres://{addr}?user={}&password={}&dbname={name}", encoded(USER), encoded(SPECIAL)),
        format!("postgres://{login}@/{name}?host={folder}&port={port}"),
        format!("postgres://{login}@{}:{port}/{name}", encoded(&folder)),
        format!("postgres://{login}@{nothing},{addr}/{name}?target_session_attrs=read-write"),
        format!("postgres://{login}@{nothing},{}:{port}/{name}", encoded(&folder)),
        format!("postgres://{login}@nowhere.invalid,127.0.0.1,/{name}?port=1,{port},1"),
        format!("postgres://{login}@nowhere.invalid/{name}?hostaddr=127.0.0.1&port={port}"),
    ];
    if std::net::TcpStream::connect(("::1", port)).is_ok() {
        urls.push(format!("postgres://{login}@[::1]:{port}/{name}"));
    }
    for (number, url) in urls.iter().enumerate() {
        let ran = gatehouse::db::migrate_url(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(ran > 0, number == 0, "{url} leads to the same database");
    }
    let wrong = format!("postgres://{}:%20{}@{addr}/{name}", encoded(USER), encoded(SPECIAL));
    assert!(gatehouse::db::migrate_url(&wrong).is_err());
}

#[test]
fn postgres_options_of_the_address_reach_the_server() {
    let server = PostgresServer::start_own();
    server.run("CREATE SCHEMA \"log in\"");
    let url = format!("{}?options=-csearch_path%3D%22log%5C%20in%22%20-cwork_mem%3D5MB", server.url());
    assert!(gatehouse::db::migrate_url(&url).unwrap() > 0);
    server.run("SELECT FROM \"log in\".sessions");
    // More than a server reads.
    let long = format!("{}?options={}", server.url(), "-cwork_mem%3D5MB%20".repeat(4_000));
    assert!(gatehouse::db::migrate_url(&long).is_err());
}
