//! Tests the service with WebSockets of the documentation behind nginx, with the files of the documentation.

use std::{net::SocketAddr, thread};

use reqwest::Method;

use crate::{
    support::{
        two_instances::TwoInstances,
        websocket::{Frame, WebSocket},
        *,
    },
    websockets,
};

const SERVER: &str = include_str!("../../../docs/examples/nginx.conf");
const SOCKETS: &str = include_str!("../../../docs/examples/nginx-websockets.conf");

/// What the service closes with: the session is no longer valid.
const POLICY: Frame = Frame::Close(1008);

struct Sockets {
    site: TwoInstances,
    key: String,
}

impl Sockets {
    /// Starts nginx before two instances and the service, which asks the second instance.
    async fn start(stack: Stack) -> Self {
        let (service, key) = (free_addr(), random_secret());
        let conf = SERVER.replace("    location @sign_in {", &format!("{SOCKETS}\n    location @sign_in {{"));
        let conf = conf.replace("server 127.0.0.1:3000;", "server 127.0.0.1:3000; server 127.0.0.1:3001;");
        let site =
            TwoInstances::behind_nginx(stack, &conf, service, |builder| builder.var("GATE_KEY", &key)).await;
        let sockets = Self { site, key };
        sockets.serve(service);
        sockets
    }

    fn serve(&self, address: SocketAddr) {
        let (gatehouse, key) = (format!("http://{}", self.site.two.addr()), self.key.clone());
        let origin = self.site.url("app", "");
        thread::spawn(move || {
            let serve = websockets::serve(address.to_string(), gatehouse, key, origin);
            actix_web::rt::System::new().block_on(serve).unwrap();
        });
    }

    /// Opens a WebSocket as a page of the site does; the error is the status of a refusal.
    async fn open(&self, browser: &Client, origin: &str) -> Result<WebSocket, u16> {
        let request = self.site.request(browser, Method::GET, "app", "/socket");
        request.header("origin", &self.site.url(origin, "")).header("accept", "*/*").open_socket().await
    }

    /// Opens one as soon as the service listens.
    async fn connected(&self, browser: &Client) -> WebSocket {
        eventually(|| async { self.open(browser, "app").await.ok() }).await
    }
}

on_both_stacks!(websocket_closes_when_its_session_ends, |stack| async {
    let mut sockets = Sockets::start(stack).await;
    let (ada, own) = sockets.site.one.person("Ada Lovelace").await;
    let (bob, _) = sockets.site.one.person("Bob Kahn").await;
    let (_, admin) = sockets.site.one.admin("Grace Hopper").await;
    let (phone, laptop, other) = (sockets.site.client(), sockets.site.client(), sockets.site.client());
    for (browser, person) in [(&phone, &ada), (&laptop, &ada), (&other, &bob)] {
        sockets.site.sign_in(browser, person).await;
    }
    let session_of = async |browser: &Client| {
        let request = sockets.site.request(browser, Method::GET, "login", "/auth/session");
        request.send().await.expect(200).json()["session_id"].as_str().unwrap().to_owned()
    };
    let (on_phone, on_laptop) = (session_of(&phone).await, session_of(&laptop).await);

    let mut first = sockets.connected(&phone).await;
    let mut tab = sockets.open(&phone, "app").await.unwrap();
    let mut second = sockets.open(&laptop, "app").await.unwrap();
    let mut third = sockets.open(&other, "app").await.unwrap();
    for socket in [&mut first, &mut tab, &mut second, &mut third] {
        socket.echoes("still there").await;
    }
    assert_eq!(sockets.open(&sockets.site.client(), "app").await.err(), Some(401));
    assert_eq!(sockets.open(&phone, "evil").await.err(), Some(403));

    let reason = [("reason", "Phone stolen")];
    admin.post(&format!("/admin/sessions/{on_phone}/end"), &reason).await.to("/admin/sessions");
    assert_eq!((first.next().await, tab.next().await), (POLICY, POLICY));
    assert_eq!(sockets.open(&phone, "app").await.err(), Some(401));
    second.echoes("another session of the same person").await;

    // While the stream is lost nobody is told; then what was missed is.
    sockets.site.two.kill();
    own.post(&format!("/sessions/{on_laptop}/end"), &[]).await.to("/sessions");
    second.echoes("not told yet").await;
    sockets.site.two.restart();
    assert_eq!(second.next().await, POLICY);
    third.echoes("somebody else").await;
});
