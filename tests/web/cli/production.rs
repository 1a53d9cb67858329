//! Serves a site with the roles of `docs/production.md`, made by its commands.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::support::{forged_cookies::SECRET, *};

/// The first block of the page in a language that begins with a text.
fn block(language: &str, begin: &str) -> String {
    let page = std::fs::read_to_string("docs/production.md").unwrap();
    let blocks = page.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix(language));
    blocks.map(str::trim_start).find(|block| block.starts_with(begin)).unwrap().to_owned()
}

/// Runs a program as a user types it into a shell, with a text on its standard input.
fn shell(command: &str, input: &str) {
    let path = format!("{}:{}", std::env::var("TEST_POSTGRES_BIN").unwrap(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-ec", command]).env("PATH", path).stdin(Stdio::piped());
    let mut running = shell.spawn().unwrap();
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(running.wait().unwrap().success(), "{command}");
}

#[actix_web::test]
async fn site_works_with_the_roles_of_the_production_page() {
    let (postgres, redis) = (PostgresServer::start_own(), RedisServer::start_own());
    shell(&format!("psql --quiet --set ON_ERROR_STOP=1 '{}'", postgres.url()), &block("sql", "CREATE ROLE"));
    let acl = block("sh", "redis-cli ACL");
    shell(&acl.replace("redis-cli", &format!("redis-cli -u '{}'", redis.url())), "");

    let at = |user: &str| {
        postgres.url().replace("postgres@", &format!("{user}@")).replace("/postgres", "/gatehouse")
    };
    let migrate = |user: &str| {
        let variables = [("DATABASE_URL", at(user)), ("SESSION_SECRET", SECRET.to_owned())];
        Program::run(&["migrate"], &variables.map(|(name, value)| (name.to_owned(), value)), "")
    };
    assert!(migrate("gatehouse:two").failed().contains("run `gatehouse migrate` as the schema's owner"));
    migrate("gatehouse_owner:one").done();

    let program = TestApp::builder(Stack::PostgresRedis)
        .var("DATABASE_URL", at("gatehouse:two"))
        .var("REDIS_URL", format!("redis://gatehouse:three@{}/0", redis.addr()))
        .not_set_up()
        .start_program();
    let admin = ["user", "create", "--email", "admin@example.org", "--name", "Admin", "--role", "admin"];
    program.command(&[&admin[..], &["--password-stdin"]].concat(), PASSWORD).done();
    let (ada, client) = (Person::new("Ada Lovelace"), program.client());
    ada.register(&client).await.to("/profile");
    client.get("/profile").await.expect(200);
    program.client().post("/login", &[("email", &ada.email), ("password", "wrong")]).await.expect(401);
    // So that connections of the pool are used again.
    for _ in 0..3 {
        let other = program.client();
        ada.sign_in(&other).await.to("/profile");
        other.post("/logout", &[]).await.expect(303);
    }
    assert!(program.command(&["sessions", "verify"], "").done().contains("They agree."));
    let end = ["sessions", "end", "--q", &ada.email, "--reason", "test", "--yes"];
    program.command(&end, "").done();
    client.get("/profile").await.to("/login?next=%2Fprofile");
    let refused: Vec<redis::Value> = redis.database().command(&["ACL", "LOG"]);
    assert!(refused.is_empty(), "{refused:?}");
}
