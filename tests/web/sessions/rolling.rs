//! Tests that instances behind nginx, with the file of the documentation, are replaced one after the other under load, and nobody notices.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use actix_web::rt::{spawn, task::JoinHandle};

use crate::support::{two_instances::nginx, *};

const NGINX: &str = include_str!("../../../docs/examples/nginx-instances.conf");

/// Readers and writers, each with a session of their own.
const PEOPLE: usize = 6;

/// How long an open page may be without a stream: the events' wait for a new one, and a second of a busy machine.
const WITHOUT_STREAM: Duration = Duration::from_secs(2);

/// Two instances in processes of their own, and nginx before them.
struct Site {
    instances: Vec<Program>,
    proxy: Arc<Mutex<std::net::SocketAddr>>,
    nginx: OwnProcess,
}

impl Site {
    fn start() -> Self {
        let addr = free_addr();
        let one = TestApp::builder(Stack::PostgresRedis)
            .var("BASE_URL", format!("http://{addr}"))
            .var("TRUSTED_PROXIES", "127.0.0.1")
            .start_program();
        let two = one.second();
        let nginx = nginx(NGINX, addr, one.addr(), two.addr());
        Self { instances: vec![one, two], proxy: Arc::new(Mutex::new(addr)), nginx }
    }

    /// A browser that asks nginx.
    fn client(&self) -> Client {
        Client::new(self.proxy.clone())
    }

    /// Replaces each instance as the documentation says.
    async fn roll(&mut self) {
        for instance in &mut self.instances {
            let addr = instance.addr();
            instance.signal("TERM");
            let readiness = instance.client();
            eventually(|| async { readiness.get("/readyz").await.status == 503 }).await;
            let (mut ended, program) = (None, &mut *instance);
            eventually(|| {
                ended = program.ended();
                let is_over = ended.is_some();
                async move { is_over }
            })
            .await;
            assert!(ended.unwrap().success(), "{ended:?}\n{}", instance.output());
            instance.restart();
            assert_eq!(instance.addr(), addr, "nginx knows no other");
            let readiness = instance.client();
            eventually(|| async { readiness.get("/readyz").await.status == 200 }).await;
        }
    }
}

/// Reads and writes for as long as the test wants; each answer has to be the right one.
async fn use_site(person: Person, client: Client, stopped: Rc<Cell<bool>>) -> usize {
    let mut answers = 0;
    while !stopped.get() {
        client.get("/profile").await.expect(200).has(&person.email);
        client.post("/profile", &[("name", &format!("{} {answers}", person.name))]).await.to("/profile");
        answers += 2;
    }
    answers
}

/// Comes and goes: a password is checked, a session begins and ends.
async fn come_and_go(person: Person, client: Client, stopped: Rc<Cell<bool>>) -> usize {
    let mut answers = 0;
    while !stopped.get() {
        person.sign_in(&client).await.expect(303);
        client.post("/logout", &[]).await.to("/");
        answers += 2;
    }
    answers
}

/// What an open page of an administrator learns.
#[derive(Default)]
struct Page {
    /// Times from the end of a stream to the next one.
    gaps: RefCell<Vec<Duration>>,
    /// The sessions that the page knows to have ended.
    ended: RefCell<Vec<String>>,
}

/// Reads the stream as the page's script does: opens it again when it ends, and reads the list anew then.
async fn watch(client: Client, page: Rc<Page>) {
    let mut lost: Option<Instant> = None;
    loop {
        let mut stream = client.events("/admin/sessions/events").await;
        if let Some(lost) = lost {
            page.gaps.borrow_mut().push(lost.elapsed());
            let list = client.get("/admin/sessions?state=ended").await.expect(200);
            page.ended.borrow_mut().push(list.body);
        }
        let mut last = String::new();
        while let Some((name, data)) = stream.next().await {
            assert_ne!(name, "signed-out");
            if name == "ended" {
                page.ended.borrow_mut().push(data.to_string());
            }
            last = name;
        }
        assert_eq!(last, "reconnect", "the stream was not broken off");
        lost = Some(Instant::now());
    }
}

#[actix_web::test]
async fn rolling_restart_loses_no_request_and_no_session() {
    let mut site = Site::start();
    let stopped = Rc::<Cell<bool>>::default();
    let mut people: Vec<JoinHandle<usize>> = Vec::new();
    let mut sessions = Vec::new();
    for number in 0..PEOPLE {
        let (person, client) = (Person::new(&format!("Reader {number}")), site.client());
        person.register(&client).await.expect(303);
        sessions.push((person.email.clone(), client.copy()));
        people.push(spawn(use_site(person, client, stopped.clone())));
    }
    let (ada, guest) = (Person::new("Ada Lovelace"), site.client());
    ada.register(&guest).await.expect(303);
    guest.post("/logout", &[]).await.to("/");
    people.push(spawn(come_and_go(ada, guest, stopped.clone())));

    site.roll().await;

    stopped.set(true);
    for person in people {
        let answers =
            person.await.unwrap_or_else(|_| panic!("nginx: {:?}", site.nginx.output().lines().last()));
        assert!(answers > 0);
    }
    for (email, client) in sessions {
        client.get("/profile").await.expect(200).has(&email);
    }
    let verified = site.instances[0].command(&["sessions", "verify"], "");
    assert!(verified.status.success(), "{verified:?}");
}

#[actix_web::test]
async fn rolling_restart_leads_streams_elsewhere_at_once() {
    let mut site = Site::start();
    let grace = Person::new("Grace Hopper");
    grace.register(&site.client()).await.expect(303);
    let role = ["user", "set-role", &grace.email, "admin"];
    site.instances[0].command(&role, "").done();
    let admin = site.client();
    grace.sign_in(&admin).await.expect(303);
    // One at each instance, at least.
    let pages: [Rc<Page>; 4] = Default::default();
    let watching: Vec<_> = pages.iter().map(|page| spawn(watch(admin.copy(), page.clone()))).collect();

    // A session that ends while streams are on their way to another instance is seen too.
    let bob = Person::new("Bob Kahn");
    bob.register(&site.client()).await.expect(303);
    let stopped = Rc::<Cell<bool>>::default();
    let ends = spawn(come_and_go(bob, site.client(), stopped.clone()));
    site.roll().await;
    stopped.set(true);
    ends.await.unwrap();
    let ended = site.instances[0].ended_session_ids();
    eventually(|| async {
        pages.iter().all(|page| {
            let known = page.ended.borrow();
            ended.iter().all(|id| known.iter().any(|text| text.contains(id.as_str())))
        })
    })
    .await;
    assert!(watching.iter().all(|page| !page.is_finished()), "a page saw something wrong");
    let gaps: Vec<Duration> = pages.iter().flat_map(|page| page.gaps.borrow().clone()).collect();
    assert!(gaps.len() >= pages.len(), "each was at an instance that was replaced: {gaps:?}");
    assert!(gaps.iter().all(|gap| *gap < WITHOUT_STREAM), "{gaps:?}");
}
