//! The fields that every form and stream of this site may have beside its own, read before the handler runs.

use std::time::Duration;

use actix_web::{
    FromRequest as _, HttpRequest,
    dev::{Payload, ServiceRequest},
    http::{Method, StatusCode},
    web::Bytes,
};
use futures_util::stream;
use percent_encoding::percent_decode_str;

use crate::error::Error;

/// The field that names the session a page was made for, by its public id.
const FOR_SESSION: &str = "for_session";

/// The field in which a form that needs the password again brings it.
pub const CONFIRM_PASSWORD: &str = "confirm_password";

/// The field in which it brings a code, where the password alone is not enough to sign in.
pub const CONFIRM_CODE: &str = "confirm_code";

/// The field in which it brings what a passkey says, in place of both.
pub const CONFIRM_PASSKEY: &str = "confirm_passkey";

/// Timeout for reading a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// A form as it was sent, with what it says beside the fields of its handler.
#[derive(Default, Clone)]
pub struct SentForm {
    /// The public id of the session that the page was made for; `None`: the request doesn't say.
    pub for_session: Option<String>,
    /// The password, of a form that was asked for it.
    pub confirm_password: Option<String>,
    /// The code beside it.
    pub confirm_code: Option<String>,
    /// What a passkey says.
    pub confirm_passkey: Option<String>,
    /// The other pairs as they were sent, joined by `&`.
    rest: String,
}

impl SentForm {
    /// Takes these fields out of the form that was sent, and leaves the rest to the handler. A `GET` has them in its query.
    ///
    /// # Errors
    /// Those of reading the body; [`Error::BadRequest`] when one of them is sent twice or is not UTF-8.
    pub async fn take(req: &mut ServiceRequest) -> Result<Self, Error> {
        if *req.method() != Method::POST {
            return Self::read(req.query_string());
        }
        let (http_request, payload) = req.parts_mut();
        let body = read_body(http_request, payload).await?;
        let sent = std::str::from_utf8(&body).map(Self::read).ok().transpose()?;
        let rest = sent.as_ref().map_or(body, |sent| sent.rest.clone().into());
        req.set_payload(payload_of(rest));
        Ok(sent.unwrap_or_default())
    }

    fn read(text: &str) -> Result<Self, Error> {
        let mut sent = Self::default();
        if text.is_empty() {
            return Ok(sent);
        }
        let mut rest = Vec::new();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, field) = match decode(name).as_deref() {
                Some(FOR_SESSION) => (FOR_SESSION, &mut sent.for_session),
                Some(CONFIRM_PASSWORD) => (CONFIRM_PASSWORD, &mut sent.confirm_password),
                Some(CONFIRM_CODE) => (CONFIRM_CODE, &mut sent.confirm_code),
                Some(CONFIRM_PASSKEY) => (CONFIRM_PASSKEY, &mut sent.confirm_passkey),
                _ => {
                    rest.push(pair);
                    continue;
                }
            };
            if field.replace(decode(value).ok_or_else(|| not_utf8(name))?).is_some() {
                return Err(Error::BadRequest(format!("The field {name} was sent more than once.")));
            }
        }
        sent.rest = rest.join("&");
        Ok(sent)
    }

    /// Name and value of the handler's fields, in the order in which they were sent.
    ///
    /// # Errors
    /// [`Error::BadRequest`] when one of them is not UTF-8.
    pub fn fields(&self) -> Result<Vec<(String, String)>, Error> {
        let pairs = self.rest.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                decode(name).zip(decode(value)).ok_or_else(|| not_utf8("the form"))
            })
            .collect()
    }
}

/// Reads a body whole.
///
/// # Errors
/// [`Error::TooLarge`] over the limit of the application; [`Error::BadRequest`] when it arrives cut off or too slowly.
pub async fn read_body(req: &HttpRequest, payload: &mut Payload) -> Result<Bytes, Error> {
    match tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(req, payload)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Error::TooLarge)
        }
        Ok(Err(_)) => Err(Error::BadRequest("The body did not arrive whole.".into())),
        Err(_) => Err(Error::BadRequest("The body took too long to arrive.".into())),
    }
}

/// A body that was read, to be read again.
fn payload_of(body: Bytes) -> Payload {
    Payload::Stream { payload: Box::pin(stream::once(std::future::ready(Ok(body)))) }
}

/// Decodes `application/x-www-form-urlencoded` text; `None` when the result is not UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let with_spaces = text.replace('+', " ");
    percent_decode_str(&with_spaces).decode_utf8().ok().map(String::from)
}

pub(super) fn not_utf8(what: &str) -> Error {
    Error::BadRequest(format!("The text of {what} is not valid UTF-8."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sent_form_takes_its_fields_and_leaves_the_rest_as_sent() {
        for (text, session, password, rest) in [
            ("", None, None, ""),
            ("name=A+b%20&x", None, None, "name=A+b%20&x"),
            ("for_session=a-_1&name=%ff", Some("a-_1"), None, "name=%ff"),
            ("name=a&for%5Fsession=b&confirm_password=+p&note=", Some("b"), Some(" p"), "name=a&note="),
            ("for_session", Some(""), None, ""),
            ("note=for_session", None, None, "note=for_session"),
        ] {
            let sent = SentForm::read(text).unwrap();
            let found = (sent.for_session.as_deref(), sent.confirm_password.as_deref(), sent.rest.as_str());
            assert_eq!(found, (session, password, rest), "{text}");
        }
    }

    #[test]
    fn sent_form_with_a_field_twice_is_refused() {
        for text in ["for_session=a&for_session=a", "for_session=%ff", "confirm_password=&confirm_password="]
        {
            assert!(matches!(SentForm::read(text), Err(Error::BadRequest(_))), "{text}");
        }
        assert!(matches!(SentForm::read("a=%ff").unwrap().fields(), Err(Error::BadRequest(_))));
    }

    proptest! {
        #[test]
        fn sent_form_never_changes_other_fields(text in "[a-z=&%+_0-9]{0,60}") {
            if let Ok(sent) = SentForm::read(&text) {
                let own = [&sent.for_session, &sent.confirm_password, &sent.confirm_code];
                prop_assert!(own.iter().any(|field| field.is_some()) || sent.rest == text);
            }
        }

        #[test]
        fn sent_form_fields_round_trip(fields in proptest::collection::vec(("[a-z]{1,5}", "\\PC{0,9}"), 0..4)) {
            let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            prop_assert_eq!(SentForm::read(&text).unwrap().fields().unwrap(), fields);
        }
    }
}
