//! A domain whose hosts share bound sessions: nginx with the files of the documentation behind TLS, two instances of Gatehouse, and a site
//! behind the login.

use super::{
    bound_site::BoundSite,
    nginx,
    other_site::OtherSite,
    own_process::{OwnProcess, free_addr},
    stack::Stack,
};

/// The domain itself.
pub const APEX: &str = "example.org";
/// The host of the site behind the login.
pub const APP: &str = "app.example.org";
/// What browsers ask the apex for.
pub const WELL_KNOWN: &str = "/.well-known/device-bound-sessions";

const SHARED_DOMAIN: &str = include_str!("../../../docs/examples/nginx.conf");
const ABOUT: &str = include_str!("../../../docs/stolen-cookies.md");

/// nginx before both instances, with the hosts `login`, `app` and the apex.
pub struct BoundDomain {
    pub site: BoundSite,
    /// The site behind the login.
    pub other: OtherSite,
    _nginx: OwnProcess,
}

impl BoundDomain {
    /// Starts it; the front leads all names to nginx.
    pub async fn start(stack: Stack) -> Self {
        let site = BoundSite::with(stack, |builder| builder.var("COOKIE_DOMAIN", APEX)).await;
        let other = OtherSite::start();
        let addr = free_addr();
        let servers = format!("server {}; server {};", site.app.addr(), site.second.addr());
        let port = site.front.addr().port();
        let conf = nginx::replaced(
            &(SHARED_DOMAIN.to_owned() + apex()),
            &[
                ("listen 80;", &format!("listen {addr};")),
                ("server 127.0.0.1:3000;", &servers),
                ("http://127.0.0.1:8080;", &format!("http://{};", other.addr)),
                // TLS ends before nginx here.
                ("$scheme;", "https;"),
                ("Host login.example.org;", &format!("Host login.example.org:{port};")),
            ],
        );
        let nginx = nginx::start(&conf, addr);
        site.front.lead_to(addr);
        Self { site, other, _nginx: nginx }
    }
}

/// What the documentation has for the apex.
fn apex() -> &'static str {
    let blocks = ABOUT.split("```").skip(1).step_by(2);
    let mut blocks = blocks.filter_map(|block| block.strip_prefix("nginx\n"));
    blocks.next().expect("docs/stolen-cookies.md has a file for nginx")
}
