//! Tests two instances behind nginx and HAProxy with the files of the documentation: one is killed, then the other one is replaced.

use reqwest::Method;

use crate::support::{gate_key::PATH, two_instances::TwoInstances, *};

const NGINX: &str = include_str!("../../../docs/examples/nginx-instances.conf");
const HAPROXY: &str = include_str!("../../../docs/examples/haproxy.cfg");

/// Opens a stream of ended sessions through the proxy.
async fn open(site: &TwoInstances, key: &str, last_id: &str) -> EventStream {
    let client = site.client();
    let request = site.request(&client, Method::GET, "login", PATH).header("last-event-id", last_id);
    EventStream::open(request.header("authorization", &format!("Bearer {key}"))).await
}

/// Asserts that somebody who is signed in gets their page, and that signing in and out works; returns the session of that.
async fn is_served(site: &TwoInstances, ada: &Person, browser: &Client) -> String {
    for _ in 0..6 {
        let page = site.request(browser, Method::GET, "login", "/profile").send().await;
        page.expect(200).has(&ada.email);
    }
    let other = site.client();
    site.sign_in(&other, ada).await;
    let id = site.one.newest_session_of(ada);
    site.request(&other, Method::POST, "login", "/logout").form(&[]).send().await.to("/");
    id
}

/// `notices_two`: what the proxy prints once it gives requests to the second instance again; empty: it does so at once.
async fn assert_one_is_enough(mut site: TwoInstances, key: &str, notices_two: &str) {
    let (ada, _) = site.one.person("Ada Lovelace").await;
    let browser = site.client();
    site.sign_in(&browser, &ada).await;
    // One at each instance.
    let mut streams = [open(&site, key, "").await, open(&site, key, "").await];
    let id = is_served(&site, &ada, &browser).await;
    for stream in &mut streams {
        stream.wait_for("ended", |end| end["session_id"] == id).await;
    }

    site.two.kill();
    let id = is_served(&site, &ada, &browser).await;
    for stream in streams {
        let mut again = open(&site, key, stream.last_id()).await;
        again.wait_for("ended", |end| end["session_id"] == id).await;
    }

    // One after the other is replaced.
    if !notices_two.is_empty() {
        eventually(|| async { site.proxy_output().contains("gatehouse/two is DOWN") }).await;
    }
    site.two.restart();
    eventually(|| async { site.two.client().get("/readyz").await.status == 200 }).await;
    eventually(|| async { site.proxy_output().contains(notices_two) }).await;
    site.one.stop().await;
    is_served(&site, &ada, &browser).await;
}

on_both_stacks!(instances_behind_nginx_need_one_of_them, |stack| async {
    let key = random_secret();
    let with_key = |builder: Builder| builder.var("GATE_KEY", &key);
    let site = TwoInstances::behind_nginx(stack, NGINX, free_addr(), with_key).await;
    assert_one_is_enough(site, &key, "").await;
});

on_both_stacks!(instances_behind_haproxy_need_one_of_them, |stack| async {
    let key = random_secret();
    let with_key = |builder: Builder| builder.var("GATE_KEY", &key);
    let site = TwoInstances::behind_haproxy(stack, HAPROXY, with_key).await;
    assert_one_is_enough(site, &key, "gatehouse/two is UP").await;
});
