//! Tests in Chromium, behind nginx, sessions that are bound for all hosts of `COOKIE_DOMAIN`: a site behind the login, cookies that were
//! stolen from it, and a domain whose apex does not answer for it.

use crate::support::{
    bound_domain::{APEX, APP, BoundDomain, WELL_KNOWN},
    bound_site::{BIND, BOUND_ON_DOMAIN, LOGIN, REFRESH, bound_cookie, of_kind},
    *,
};

on_both_stacks!(site_below_the_domain_is_opened_after_a_refresh, |stack| async {
    let domain = BoundDomain::start(stack).await;
    let site = &domain.site;
    let (ada, elsewhere) = site.app.person("Ada Lovelace").await;
    let browser = site.bound_browser(&ada).await;
    let asked = site.front.requests(WELL_KNOWN);
    assert!(asked.len() == 1 && asked[0].host == APEX && asked[0].status == Some(200), "{asked:#?}");
    let cookie = bound_cookie(&site.front.requests(REFRESH)[0].answer).unwrap();
    assert_eq!((cookie.name.as_str(), cookie.attribute("domain")), (BOUND_ON_DOMAIN, Some(APEX)));

    browser.client().goto(&site.url(APP, "/page")).await.unwrap();
    browser.wait_for("Remote-Name: Ada Lovelace").await;
    let other = site.holds(&browser, "location.assign('/other?x=1')", "GET", "/other").await;
    assert!(other.host == APP && other.request.has_cookie(BOUND_ON_DOMAIN), "{other:#?}");
    browser.wait_for("GET /other?x=1").await;
    browser.wait_for("Remote-Name: Ada Lovelace").await;
    let refresh = site.front.requests(REFRESH).pop().unwrap();
    assert_eq!((refresh.host.as_str(), refresh.status), (LOGIN, Some(200)));

    // With the key of the session alone nothing opens here.
    site.app.age_bindings();
    let mut cookies = browser.cookies().await;
    cookies.retain(|cookie| cookie.name != BOUND_ON_DOMAIN);
    let stolen = format!("{}={}", cookies[0].name, cookies[0].value);
    let reached = domain.other.requests();
    let refused = site.curl(APP, "/page", &["-b", &stolen, "-H", "Accept: text/html"]).await;
    assert!(refused.status == 302 && refused.head.contains(LOGIN), "{refused:?}");
    assert_eq!((domain.other.requests(), cookies.len()), (reached, 1));

    // Ended, it is given up at the refresh, which a page of the site began.
    elsewhere.post(&format!("/sessions/{}/end", site.bound_id()), &[]).await.to("/sessions");
    browser.delete_cookie(BOUND_ON_DOMAIN).await;
    browser.client().goto(&site.url(APP, "/page")).await.unwrap();
    browser.wait_for("Sign in").await;
    assert_eq!(browser.client().current_url().await.unwrap().host_str(), Some(LOGIN));
    let events = browser.binding_events().await;
    assert_eq!(of_kind(&events, "termination").len(), 1, "{events:#?}");
});

on_both_stacks!(domain_without_well_known_binds_nothing_and_signs_nobody_out, |stack| async {
    let domain = BoundDomain::start(stack).await;
    let site = &domain.site;
    // The site at the apex is another one, which knows nothing of this.
    site.front.lead_name_to(APEX, domain.other.addr);
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = site.browser().await;
    site.fill_in(&browser, &ada, false).await;
    assert_eq!(site.front.answered(BIND, 1).await.status, Some(200));
    site.front.answered(WELL_KNOWN, 1).await;
    eventually(|| async {
        let events = of_kind(&browser.binding_events().await, "creation");
        events.iter().any(|event| event["succeeded"] == false)
    })
    .await;
    site.app.age_bindings();
    browser.goto("/sessions").await;
    if browser.cookie(BOUND_ON_DOMAIN).await.is_some() {
        browser.delete_cookie(BOUND_ON_DOMAIN).await;
    }
    for path in ["/sessions", "/profile"] {
        browser.goto(path).await;
        browser.wait_for("Ada Lovelace").await;
        assert_eq!(browser.path().await, path);
    }
    browser.client().goto(&site.url(APP, "/page")).await.unwrap();
    browser.wait_for("Remote-Name: Ada Lovelace").await;
    assert_eq!(site.front.requests(REFRESH).len(), 0);
});
