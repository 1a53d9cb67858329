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

/// Timeout for reading a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// What a request says beside the fields of its handler.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SentForm {
    /// The public id of the session that the page was made for; `None`: the request doesn't say.
    pub for_session: Option<String>,
}

impl SentForm {
    /// Takes these fields out of the form that was sent, and leaves the rest to the handler. A `GET` has them in its query.
    ///
    /// # Errors
    /// As [`read_body`]; [`Error::BadRequest`] when a field is sent twice or is not UTF-8.
    pub async fn take(req: &mut ServiceRequest) -> Result<Self, Error> {
        if *req.method() != Method::POST {
            return Self::split(req.query_string()).map(|(sent, _)| sent);
        }
        let (http_request, payload) = req.parts_mut();
        let body = read_body(http_request, payload).await?;
        let body = match std::str::from_utf8(&body) {
            Ok(text) if text.contains(FOR_SESSION) => {
                let (sent, rest) = Self::split(text)?;
                req.set_payload(payload_of(rest.into()));
                return Ok(sent);
            }
            _ => body,
        };
        req.set_payload(payload_of(body));
        Ok(Self::default())
    }

    /// These fields, and the other pairs as they were sent.
    fn split(text: &str) -> Result<(Self, String), Error> {
        let mut sent = Self::default();
        let mut rest = Vec::new();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if decode(name).as_deref() != Some(FOR_SESSION) {
                rest.push(pair);
                continue;
            }
            let value = decode(value).ok_or_else(|| not_utf8(FOR_SESSION))?;
            if sent.for_session.replace(value).is_some() {
                return Err(Error::BadRequest(format!("The field {FOR_SESSION} was sent more than once.")));
            }
        }
        Ok((sent, rest.join("&")))
    }
}

/// Reads a body whole.
///
/// # Errors
/// [`Error::TooLarge`] over the limit of the application; [`Error::BadRequest`] when it arrives cut off or too slowly.
pub(super) async fn read_body(req: &HttpRequest, payload: &mut Payload) -> Result<Bytes, Error> {
    match tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(req, payload)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Error::TooLarge)
        }
        Ok(Err(_)) => Err(Error::BadRequest("The form did not arrive whole.".into())),
        Err(_) => Err(Error::BadRequest("The form took too long to arrive.".into())),
    }
}

/// A body that was read, to be read again.
fn payload_of(body: Bytes) -> Payload {
    Payload::Stream { payload: Box::pin(stream::once(std::future::ready(Ok(body)))) }
}

/// Decodes `application/x-www-form-urlencoded` text; `None` when the result is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
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
    fn sent_form_takes_its_field_and_leaves_the_rest_as_sent() {
        for (text, session, rest) in [
            ("", None, ""),
            ("name=A+b%20&x", None, "name=A+b%20&x"),
            ("for_session=a-_1&name=%ff", Some("a-_1"), "name=%ff"),
            ("name=a&for%5Fsession=b&note=", Some("b"), "name=a&note="),
            ("for_session", Some(""), ""),
            ("note=for_session", None, "note=for_session"),
        ] {
            let (sent, left) = SentForm::split(text).unwrap();
            assert_eq!((sent.for_session.as_deref(), left.as_str()), (session, rest), "{text}");
        }
    }

    #[test]
    fn sent_form_with_two_sessions_is_refused() {
        for text in ["for_session=a&for_session=a", "for_session=%ff"] {
            assert!(matches!(SentForm::split(text), Err(Error::BadRequest(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn sent_form_never_changes_other_fields(text in "[a-z=&%+_0-9]{0,60}") {
            if let Ok((sent, rest)) = SentForm::split(&text) {
                prop_assert!(sent.for_session.is_some() || rest == text);
            }
        }
    }
}
