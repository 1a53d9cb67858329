//! Tests the ways to one Redis server: a socket, users, certificates.

use crate::support::{outage::builder, *};

const ACL: [&str; 11] = [
    "ACL",
    "SETUSER",
    "ada",
    "on",
    ">a+b&c=d%e",
    "~sess:*",
    "~throttle:*",
    "&gatehouse:*",
    "+@all",
    "-flushall",
    "-@dangerous",
];

#[actix_web::test]
async fn redis_socket_with_user_and_database_serves() {
    let server = RedisServer::start_own();
    server.database().command::<()>(&ACL);
    let url = format!("redis+unix://{}?db=3&user=ada&pass=a+b%26c%3Dd%25e", server.socket().display());
    let app = builder().var("REDIS_URL", url).start().await;
    eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
    let (_, client) = app.person("Ada Lovelace").await;
    client.get("/profile").await.expect(200);
    let entries = RedisDatabase::at(server.url().replace("/0", "/3"));
    assert_eq!((entries.keys().len(), server.database().keys().len()), (1, 0));
    client.post("/logout", &[]).await.to("/");
    assert_eq!(entries.keys().len(), 0);
}

#[actix_web::test]
async fn redis_user_with_any_password_serves_and_a_wrong_one_does_not() {
    let server = RedisServer::start_own();
    server.database().command::<()>(&ACL);
    let at = |login: &str| server.url().replace("redis://", &format!("redis://{login}@"));
    let app = builder().var("REDIS_URL", at("ada:a%2Bb%26c%3Dd%25e")).start().await;
    eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
    app.person("Ada Lovelace").await;
    let program = builder().var("REDIS_URL", at("ada:hunter2")).start_program();
    eventually(|| async { program.output().contains("Redis not reached") }).await;
    program.client().get("/readyz").await.expect(503);
    assert!(!program.output().contains("hunter2"));
}

#[actix_web::test]
async fn redis_over_tls_serves_and_an_unknown_certificate_does_not() {
    let (node, certificates) = RedisServer::start_with_tls();
    let url = format!("rediss://{}{}/0", RedisServer::LOGIN, node.addr);
    let authority = certificates.authority();
    let program = builder().var("REDIS_URL", &url).var("SSL_CERT_FILE", authority.display()).start_program();
    let client = program.client();
    eventually(|| async { client.get("/readyz").await.status == 200 }).await;
    Person::new("Ada Lovelace").register(&client).await;
    assert_eq!(node.database().keys().len(), 1);
    let stranger = builder().var("REDIS_URL", &url).start_program();
    eventually(|| async { stranger.output().contains("Redis not reached") }).await;
    stranger.client().get("/readyz").await.expect(503);
}
