//! The reader of forms.

use actix_web::{FromRequest as _, dev::Payload, rt::Runtime, test::TestRequest};
use gatehouse::{
    error::Error,
    web::{Form, FormFields, SentForm},
};
use proptest::prelude::*;
use serde::Deserialize;
use validator::Validate;

use crate::mutate;

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
struct Fields {
    name: String,
    email: String,
    password: String,
}

impl FormFields for Fields {
    const FIELDS: &'static [&'static str] = &["name", "email", "password"];
}

/// What a handler gets of a body.
async fn received(body: &[u8]) -> Result<(SentForm, Form<Fields>), Error> {
    let mut req = TestRequest::post().set_payload(body.to_vec()).to_srv_request();
    let sent = SentForm::take(&mut req).await?;
    let (req, mut payload): (_, Payload) = req.into_parts();
    Form::from_request(&req, &mut payload).await.map(|form| (sent, form))
}

/// The values of a field as the URL standard reads a form.
fn values(body: &[u8], field: &str) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(body).filter(|(name, _)| name == field);
    pairs.map(|(_, value)| value.into_owned()).collect()
}

proptest! {
    #[test]
    fn forms_are_read_as_the_url_standard_does(body in mutate::bytes(include_str!("corpus/forms.txt"))) {
        match Runtime::new().unwrap().block_on(received(&body)) {
            Err(Error::BadRequest(reason)) => prop_assert!(!reason.is_empty()),
            Err(error) => prop_assert!(false, "{error:?}"),
            Ok((sent, form)) if form.errors.is_empty() => {
                let fields = [("name", &form.values.name), ("email", &form.values.email), ("password", &form.values.password)];
                for (field, value) in fields {
                    let sent = values(&body, field);
                    prop_assert!(sent.len() <= 1 && sent.first().map_or("", String::as_str) == value, "{field}: {sent:?}");
                    prop_assert!(!value.contains('\0'));
                }
                prop_assert_eq!(sent.for_session, values(&body, "for_session").first().cloned());
            }
            Ok(_) => {}
        }
    }
}
