//! Tests that guessing is limited also while the store of the counts is away.

use crate::support::{
    outage::builder,
    throttling::{guess, try_sign_in},
    *,
};

#[actix_web::test]
async fn guessing_without_redis_is_limited_by_the_process() {
    let app = builder().var("THROTTLE", "on").through_proxies().start().await;
    eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
    let (ada, _) = app.person("Ada Lovelace").await;
    let client = app.client();
    assert_eq!(guess(&client, &ada.email, 3).await, [401; 3]);
    let stores = app.stores();
    stores.redis_proxy().set(ProxyMode::Refuse);
    eventually(|| async { app.client().get("/readyz").await.status == 503 }).await;
    let statuses = guess(&client, &ada.email, 30).await;
    assert_eq!(statuses[..3], [401, 401, 429], "{statuses:?}");
    // The first waits may pass meanwhile.
    let tried = statuses.iter().filter(|status| **status == 401).count();
    assert!(tried <= 5 && statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    stores.redis_proxy().set(ProxyMode::Pass);
    eventually(|| async { app.client().get("/readyz").await.status == 200 }).await;
    // What Redis has missed is not forgotten: nothing is free.
    let statuses = guess(&client, &ada.email, 3).await;
    assert!(statuses.iter().filter(|status| **status == 401).count() <= 1, "{statuses:?}");
    eventually(|| async { try_sign_in(&app.client(), &ada.email, PASSWORD).await.status == 303 }).await;
    assert_eq!(guess(&client, &ada.email, 5).await, [401; 5]);
}

/// A check of the counts needs no SQL where there is Redis.
#[actix_web::test]
async fn counts_in_redis_need_no_sql() {
    let app = throttling::start(Stack::PostgresRedis).await;
    let (ada, client) = app.person("Ada Lovelace").await;
    let _ = client.get("/profile").await.expect(200);
    let _ = ada.sign_in(&app.client()).await;
    let _ = guess(&app.client(), &ada.email, 6).await;
    eventually(|| async { app.table_reads("users") > 0 }).await;
    assert_eq!(app.table_reads("throttle_counts"), 0);
}
