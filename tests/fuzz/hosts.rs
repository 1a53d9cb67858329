//! The reader of the host that a request is for.

use actix_web::{
    http::header::{HOST, HeaderValue},
    test::TestRequest,
    web::Data,
};
use gatehouse::{config::Config, error::Error, security::host};
use proptest::prelude::*;
use url::Url;

use crate::{mutate, settings};

fn config() -> Config {
    settings::read(&[("BASE_URL", "https://login.example.org"), ("ALLOWED_HOSTS", "192.0.2.7,[2001:db8::7]")])
        .unwrap()
}

proptest! {
    #[test]
    fn hosts_that_pass_are_own_ones(named in mutate::bytes(include_str!("corpus/hosts.txt"))) {
        let Ok(header) = HeaderValue::from_bytes(&named) else { return Ok(()) };
        let req = TestRequest::default().insert_header((HOST, header)).app_data(Data::new(config())).to_srv_request();
        match host::check(&req) {
            Ok(()) => {
                // What a browser that names this host has in its address bar.
                let url = Url::parse(&format!("https://{}/", String::from_utf8_lossy(&named))).unwrap();
                let host = url.host().unwrap().to_owned();
                prop_assert!(config().server.has_host(&host), "{url}");
                prop_assert!(url.username().is_empty() && url.password().is_none() && url.path() == "/", "{url}");
            }
            Err(Error::Misdirected | Error::BadRequest(_)) => {}
            Err(error) => prop_assert!(false, "{error:?}"),
        }
    }
}
