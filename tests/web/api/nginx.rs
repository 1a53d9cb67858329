//! Tests nginx with the file of the documentation before Gatehouse and a site.

use reqwest::Method;

use crate::support::{proxied_site::ProxiedSite, *};

const GET: Method = Method::GET;

/// The headers of this name that arrived at the site, in its answer.
fn arrived(answer: &Answer, name: &str) -> Vec<String> {
    let lines = answer.body.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
}

on_both_stacks!(nginx_leads_visitors_to_sign_in_and_back, |stack| async {
    let site = ProxiedSite::start(stack).await;
    let ada = Person { name: "Ada Zoë".to_owned(), ..Person::new("Ada") };
    ada.register(&site.app.client()).await;
    let browser = site.client();
    let page = site.get(&browser, "/a%20b?x=1&y=2").await.expect(302);
    let next: String =
        url::form_urlencoded::byte_serialize(site.url("app", "/a%20b?x=1&y=2").as_bytes()).collect();
    let login = page.location().unwrap().to_owned();
    assert_eq!(login, site.url("login", &format!("/login?next={next}")));
    let script = site.request(&browser, GET, "app", "/data").header("accept", "*/*").send().await;
    assert_eq!((script.status, script.location()), (401, None));
    let form = site.request(&browser, Method::POST, "app", "/form").form(&[("a", "b")]).send().await;
    assert_eq!((form.status, form.location()), (401, None));
    assert_eq!(site.requests(), 0, "nothing has arrived at the site");

    let page = site.request(&browser, GET, "login", &login).send().await.expect(200);
    assert!(page.header("content-security-policy").unwrap().contains(&site.url("*", "")));
    let form = page.form("/login");
    let fields = form.with(&[("email", &ada.email), ("password", &ada.password), ("remember", "on")]);
    let sent = site.request(&browser, Method::POST, "login", "/login").form(&fields).send().await;
    assert_eq!((sent.status, sent.location()), (303, Some(site.url("app", "/a%20b?x=1&y=2").as_str())));

    // What the client says of itself never arrives; who it is, does.
    let request = site.request(&browser, GET, "app", "/a%20b?x=1&y=2").header("remote-user", "999");
    let request = request.header("remote-email", "root@example.org").header("remote-groups", "admin");
    let request = request.header("remote-name", "Root").header("remote-session", "forged");
    let page = request.send().await.expect(200);
    assert!(page.body.starts_with("GET /a%20b?x=1&y=2 "), "{}", page.body);
    assert_eq!(arrived(&page, "remote-user"), [site.app.user_id(&ada)]);
    assert_eq!(arrived(&page, "remote-name"), ["Ada Zo%C3%AB"]);
    assert_eq!(arrived(&page, "remote-groups"), ["user"]);
    assert_eq!(arrived(&page, "remote-session"), [site.app.newest_session_of(&ada)]);
    assert_eq!(arrived(&page, "remote-email"), <[String; 0]>::default());
    assert!(new_cookie(&page).is_some_and(|cookie| cookie.max_age().is_some()), "the cookie is renewed");
    site.app.confirm_email(&ada);
    let page = site.get(&browser, "/").await.expect(200);
    assert_eq!(arrived(&page, "remote-email"), [ada.email.as_str()]);
    let form = site.request(&browser, Method::POST, "app", "/form").form(&[("a", "b")]).send().await;
    assert!(form.expect(200).body.starts_with("POST /form "));
});

on_both_stacks!(nginx_blocks_ended_session_at_next_request, |stack| async {
    let mut site = ProxiedSite::start(stack).await;
    let (ada, own) = site.app.person("Ada Lovelace").await;
    let browser = site.client();
    let fields = [("email", ada.email.as_str()), ("password", &ada.password)];
    site.request(&browser, Method::POST, "login", "/login").form(&fields).send().await.expect(303);
    site.get(&browser, "/").await.expect(200);
    let id = site.app.newest_session_of(&ada);
    own.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    let before = site.requests();
    site.get(&browser, "/").await.expect(302);
    // Without Gatehouse nobody is let in, whoever is signed in.
    site.request(&browser, Method::POST, "login", "/login").form(&fields).send().await.expect(303);
    site.app.stop().await;
    site.get(&browser, "/").await.expect(500);
    assert_eq!(site.requests(), before);
});

/// A browser before nginx with sites on other domains, which keeps the cookies of each host apart.
struct Visitor<'a> {
    site: &'a ProxiedSite,
    jars: [(&'static str, Client); 3],
}

impl<'a> Visitor<'a> {
    fn new(site: &'a ProxiedSite) -> Self {
        let hosts = ["login.example.org", "app.example.net", "wiki.example.com"];
        Self { site, jars: hosts.map(|host| (host, site.client())) }
    }

    fn jar(&self, host: &str) -> &Client {
        &self.jars.iter().find(|(known, _)| *known == host).unwrap().1
    }

    async fn send(&self, method: Method, host: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.site.request_at(self.jar(host), method.clone(), host, path);
        if method == GET { request.send().await } else { request.form(fields).send().await }
    }

    /// Opens a page and follows the redirects from host to host.
    async fn open(&self, host: &str, path: &str) -> Answer {
        let answer = self.send(GET, host, path, &[]).await;
        self.follow(host, answer).await
    }

    async fn follow(&self, host: &str, mut answer: Answer) -> Answer {
        let mut host = host.to_owned();
        for _ in 0..10 {
            let Some(to) = answer.location() else { return answer };
            let to = url::Url::parse(&format!("http://{host}")).unwrap().join(to).unwrap();
            to.host_str().unwrap().clone_into(&mut host);
            let path = to[url::Position::BeforePath..].to_owned();
            answer = self.send(GET, &host, &path, &[]).await;
        }
        panic!("too many redirects: {}", answer.summary());
    }

    async fn sign_in(&self, ada: &Person, page: Answer) -> Answer {
        let form = page.expect(200).form("/login");
        let fields = form.with(&[("email", &ada.email), ("password", &ada.password)]);
        let answer = self.send(Method::POST, "login.example.org", "/login", &fields).await;
        self.follow("login.example.org", answer.expect(303)).await
    }
}

on_both_stacks!(nginx_other_domain_leads_to_sign_in_and_back, |stack| async {
    let site = ProxiedSite::on_other_domains(stack).await;
    let ada = Person::new("Ada");
    ada.register(&site.app.client()).await;
    let browser = Visitor::new(&site);
    let page = browser.open("app.example.net", "/a%20b?x=1&y=2").await;
    assert_eq!(site.requests(), 0, "nothing has arrived at the site");
    assert_eq!(browser.jar("app.example.net").cookies(), []);
    let page = browser.sign_in(&ada, page).await.expect(200);
    assert!(page.body.starts_with("GET /a%20b?x=1&y=2 "), "{}", page.body);
    assert_eq!(arrived(&page, "remote-user"), [site.app.user_id(&ada)]);

    let request = site.request_at(browser.jar("app.example.net"), GET, "app.example.net", "/x");
    let request = request.header("remote-user", "999").header("remote-email", "root@example.org");
    let request = request.header("remote-groups", "admin").header("x-forwarded-host", "evil.example");
    let page = request.send().await.expect(200);
    assert_eq!(arrived(&page, "remote-user"), [site.app.user_id(&ada)]);
    assert_eq!(
        (arrived(&page, "remote-groups"), arrived(&page, "remote-email").len()),
        (vec!["user".to_owned()], 0)
    );
    assert!(!page.body.contains("gatehouse="), "the session's cookie never reaches the site: {}", page.body);

    let page = browser.open("wiki.example.com", "/w").await.expect(200);
    assert_eq!(arrived(&page, "remote-user"), [site.app.user_id(&ada)], "without signing in once more");
    let cookies =
        |host| browser.jar(host).cookies().into_iter().map(|cookie| cookie.value).collect::<Vec<_>>();
    let (app, wiki) = (cookies("app.example.net"), cookies("wiki.example.com"));
    assert_eq!((app.len(), wiki.len()), (1, 1));
    assert_ne!(app, wiki);
    for (host, other) in [("app.example.net", &wiki), ("wiki.example.com", &app)] {
        let thief = site.client();
        let name = browser.jar(host).cookies().remove(0).name;
        thief.set_cookie(&name, &other[0]);
        site.request_at(&thief, GET, host, "/").send().await.expect(302);
    }
    let script =
        site.request_at(&site.client(), GET, "app.example.net", "/data").header("accept", "*/*").send().await;
    assert_eq!((script.status, script.location()), (401, None));
});

on_both_stacks!(nginx_other_domain_blocks_ended_session_and_signs_out, |stack| async {
    let site = ProxiedSite::on_other_domains(stack).await;
    let (ada, own) = site.app.person("Ada Lovelace").await;
    let browser = Visitor::new(&site);
    let page = browser.open("app.example.net", "/").await;
    browser.sign_in(&ada, page).await.expect(200);
    browser.open("wiki.example.com", "/").await.expect(200);
    let id = site.app.newest_session_of(&ada);
    own.post(&format!("/sessions/{id}/end"), &[]).await.to("/sessions");
    let before = site.requests();
    for host in ["app.example.net", "wiki.example.com"] {
        browser.send(GET, host, "/", &[]).await.expect(302);
    }
    assert_eq!(site.requests(), before);
    let page = browser.open("app.example.net", "/").await;
    browser.sign_in(&ada, page).await.expect(200);
    let form = browser.open("app.example.net", "/.gatehouse/sign-out").await.expect(200);
    let form = form.form("/.gatehouse/sign-out");
    let out = browser.send(Method::POST, "app.example.net", &form.action, &form.with(&[])).await;
    browser.follow("app.example.net", out).await.expect(200).has("You are signed out");
    for host in ["app.example.net", "wiki.example.com"] {
        browser.send(GET, host, "/", &[]).await.expect(302);
    }
});

on_both_stacks!(nginx_people_stay_in_when_an_instance_is_killed, |stack| async {
    let mut site = ProxiedSite::on_other_domains(stack).await;
    let mut second = site.second.take().unwrap();
    let (ada, _) = site.app.person("Ada Lovelace").await;
    let browser = Visitor::new(&site);
    let page = browser.open("app.example.net", "/").await;
    browser.sign_in(&ada, page).await.expect(200);
    for _ in 0..4 {
        browser.send(GET, "app.example.net", "/", &[]).await.expect(200);
    }
    second.kill();
    for _ in 0..6 {
        browser.send(GET, "app.example.net", "/", &[]).await.expect(200);
        browser.send(GET, "login.example.org", "/profile", &[]).await.expect(200);
    }
    browser.open("wiki.example.com", "/w").await.expect(200);
});
