//! Tests that Traefik's file of the documentation names what there is; Traefik itself is in no package of Debian.

use std::collections::BTreeSet;

use yaml_rust2::{Yaml, YamlLoader};

use crate::support::*;

const FILE: &str = include_str!("../../../docs/examples/traefik.yml");

/// The texts of a list.
fn texts(list: &Yaml) -> BTreeSet<String> {
    list.as_vec().unwrap().iter().map(|text| text.as_str().unwrap().to_lowercase()).collect()
}

/// The keys of a map.
fn names(map: &Yaml) -> BTreeSet<&str> {
    map.as_hash().unwrap().keys().map(|key| key.as_str().unwrap()).collect()
}

on_both_stacks!(traefik_file_names_real_routes_and_headers, |stack| async {
    assert!(include_str!("../../../docs/traefik.md").contains(FILE.split_once('\n').unwrap().1));
    let file = &YamlLoader::load_from_str(FILE).unwrap()[0]["http"];
    let auth = &file["middlewares"]["gatehouse"]["forwardAuth"];
    let address = auth["address"].as_str().unwrap();
    let path = address.strip_prefix("http://127.0.0.1:3000").unwrap();

    let app = TestApp::builder(stack)
        .var("BASE_URL", "https://login.example.org")
        .var("COOKIE_DOMAIN", "example.org")
        .var("TRUSTED_PROXIES", "127.0.0.1")
        .start()
        .await;
    let (ada, _) = app.person("Ada Lovelace").await;
    app.confirm_email(&ada);
    let client = app.client();
    ada.sign_in_remembered(&client).await;
    // As Traefik asks.
    let ask = async |client: &Client| {
        let request = client.request(reqwest::Method::GET, path).header("x-forwarded-method", "GET");
        let request =
            request.header("x-forwarded-proto", "https").header("x-forwarded-host", "app.example.org");
        request.header("x-forwarded-uri", "/a").send().await
    };
    let answer = ask(&client).await.expect(200);
    let identity = answer.headers.keys().map(|name| name.as_str().to_owned());
    let identity: BTreeSet<String> = identity.filter(|name| name.starts_with("remote-")).collect();
    assert_eq!(texts(&auth["authResponseHeaders"]), identity);
    let cookies: BTreeSet<String> =
        answer.set_cookies().into_iter().map(|cookie| cookie.name.to_lowercase()).collect();
    assert_eq!(texts(&auth["addAuthCookiesToResponse"]), cookies);
    let login = ask(&app.client()).await.expect(302);
    assert_eq!(
        login.location(),
        Some("https://login.example.org/login?next=https%3A%2F%2Fapp.example.org%2Fa")
    );

    for (name, router) in file["routers"].as_hash().unwrap() {
        assert!(names(&file["services"]).contains(router["service"].as_str().unwrap()), "{name:?}");
        if let Some(middlewares) = router["middlewares"].as_vec() {
            let known = names(&file["middlewares"]);
            assert!(middlewares.iter().all(|name| known.contains(name.as_str().unwrap())));
        }
    }
    assert_eq!(texts(&file["routers"]["app"]["middlewares"]), BTreeSet::from(["gatehouse".to_owned()]));
    assert!(file["routers"]["login"]["middlewares"].is_badvalue(), "the sign-in page itself is open");
});
