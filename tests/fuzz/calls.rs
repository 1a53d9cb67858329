//! The reader of calls with JSON.

use actix_web::{FromRequest as _, rt::Runtime, test::TestRequest};
use gatehouse::{
    api::{Body, CallFields},
    error::Error,
    web::{FormFields, checkbox},
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};
use validator::Validate;

use crate::mutate;

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
struct Fields {
    name: String,
    password: String,
    #[serde(deserialize_with = "checkbox")]
    token: bool,
}

impl FormFields for Fields {
    const FIELDS: &'static [&'static str] = &["name", "password", "token"];
}

impl CallFields for Fields {
    const CHOICES: &'static [&'static str] = &["token"];
}

/// What a handler gets of a body.
async fn received(body: &[u8]) -> Result<Fields, Error> {
    let req = TestRequest::post().insert_header(("content-type", "application/json"));
    let (req, mut payload) = req.set_payload(body.to_vec()).to_http_parts();
    Body::<Fields>::from_request(&req, &mut payload).await?.valid()
}

proptest! {
    #[test]
    fn calls_are_read_as_another_reader_of_json_does(body in mutate::bytes(include_str!("corpus/calls.txt"))) {
        let known = serde_json::from_slice::<Map<String, Value>>(&body);
        match (Runtime::new().unwrap().block_on(received(&body)), known) {
            (Ok(fields), Ok(known)) => {
                for (field, value) in [("name", &fields.name), ("password", &fields.password)] {
                    let sent = known.get(field).map_or(Some(""), Value::as_str);
                    prop_assert!(sent == Some(value) && !value.contains('\0'), "{field}: {sent:?}");
                }
                let on = known.get("token").is_some_and(|sent| *sent == true || *sent == "on" || *sent == "true");
                prop_assert_eq!(fields.token, on);
                prop_assert!(known.keys().all(|name| Fields::FIELDS.contains(&name.as_str())), "{known:?}");
            }
            (Ok(fields), Err(error)) => prop_assert!(false, "{fields:?}, but {error}"),
            (Err(Error::BadRequest(reason)), known) => {
                prop_assert!(!reason.is_empty() && known.is_err(), "{reason}: {known:?}");
            }
            (Err(Error::Fields(errors)), _) => {
                prop_assert!(!errors.is_empty() && errors.values().all(|messages| !messages.is_empty()), "{errors:?}");
            }
            (Err(error), _) => prop_assert!(false, "{error:?}"),
        }
    }
}
