//! Forms: parsed strictly and validated, with the values as typed and the messages beside each field, to show the form again.
//!
//! By hand: crates for forms stop at the first error.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    future::Future,
    pin::Pin,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::{
    Deserialize,
    de::{DeserializeOwned, value::MapDeserializer},
};
use validator::{Validate, ValidationErrors};

use super::sent_form::{decode, not_utf8, read_body};
use crate::error::Error;

/// The fields of a form. Missing fields get their default: `#[serde(default)]` on the struct.
pub trait FormFields: DeserializeOwned + Default + Validate {
    /// The names of all fields; any other name is refused.
    const FIELDS: &'static [&'static str];
    /// The names of the fields of a struct that is flattened into this one, if any.
    const FLATTENED_FIELDS: &'static [&'static str] = &[];
    /// The fields that may be sent more than once; they are deserialized with [`lines`].
    const REPEATED: &'static [&'static str] = &[];
}

/// A form that was sent, with all its errors.
#[derive(Debug)]
pub struct Form<T> {
    /// The values as typed.
    pub values: T,
    /// The errors; empty when the form is valid.
    pub errors: FieldErrors,
}

/// Error messages by field, and those about the whole form.
#[derive(Debug, Default, Clone)]
pub struct FieldErrors(BTreeMap<String, Vec<String>>);

/// The key of messages about the whole form.
const WHOLE_FORM: &str = "";

impl FieldErrors {
    /// The first message about a field.
    pub fn first(&self, field: &str) -> Option<&str> {
        self.0.get(field)?.first().map(String::as_str)
    }

    /// Whether there is a message about the field.
    pub fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// The first message about the whole form.
    pub fn form(&self) -> Option<&str> {
        self.first(WHOLE_FORM)
    }

    /// All fields with their messages, ordered by field name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|(field, messages)| messages.iter().map(|text| (field.as_str(), text.as_str())))
    }

    /// Whether there are no errors.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a message about a field.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.entry(field.to_owned()).or_default().push(message.into());
    }

    /// Adds a message about the whole form.
    pub fn add_form(&mut self, message: impl Into<String>) {
        self.add(WHOLE_FORM, message);
    }
}

impl From<ValidationErrors> for FieldErrors {
    fn from(validation: ValidationErrors) -> Self {
        let mut errors = Self::default();
        for (field, failures) in validation.field_errors() {
            for failure in failures {
                let message = failure.message.clone().unwrap_or_else(|| "This value can't be used.".into());
                errors.add(field.as_ref(), message);
            }
        }
        errors
    }
}

impl<T: FormFields> FromRequest for Form<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move { parse(&read_body(&req, &mut payload).await?) })
    }
}

/// Decodes and validates a body. An error that belongs to no field of the page becomes a message about the whole form.
fn parse<T: FormFields>(body: &[u8]) -> Result<Form<T>, Error> {
    let body = std::str::from_utf8(body).map_err(|_| not_utf8("the form"))?;
    let mut errors = FieldErrors::default();
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or_else(|| not_utf8("a field's name"))?;
        if !T::FIELDS.contains(&name.as_str()) && !T::FLATTENED_FIELDS.contains(&name.as_str()) {
            errors.add_form(format!("This form has no field “{}”.", name.escape_debug()));
            continue;
        }
        match decode(value) {
            None => errors.add(&name, "This is not valid text (UTF-8)."),
            Some(value) if value.contains('\0') => {
                errors.add(&name, "This contains a NUL character, which can't be stored.")
            }
            Some(value) => match fields.entry(name) {
                Entry::Vacant(field) => {
                    field.insert(value);
                }
                Entry::Occupied(mut field) if T::REPEATED.contains(&field.key().as_str()) => {
                    field.get_mut().push('\n');
                    field.get_mut().push_str(&value);
                }
                Entry::Occupied(field) => errors.add(field.key(), "This field was sent more than once."),
            },
        }
    }
    let values = T::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(fields.into_iter()))
        .map_err(|error| Error::BadRequest(error.to_string()))?;
    if let Err(invalid) = values.validate() {
        for (field, messages) in FieldErrors::from(invalid).0 {
            errors.0.entry(field).or_insert(messages);
        }
    }
    Ok(Form { values, errors })
}

/// Deserializes a checkbox: true for `on`.
///
/// # Errors
/// The deserializer's error.
pub fn checkbox<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(String::deserialize(deserializer)? == "on")
}

/// Deserializes the values of a field that may be sent more than once.
///
/// # Errors
/// The deserializer's error.
pub fn lines<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(String::deserialize(deserializer)?.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Default, Deserialize, Validate)]
    #[serde(default)]
    struct Greeting {
        #[validate(length(min = 1, max = 5, message = "Say 1 to 5 letters."))]
        text: String,
        #[serde(deserialize_with = "checkbox")]
        loud: bool,
        #[serde(deserialize_with = "lines")]
        names: Vec<String>,
    }

    impl FormFields for Greeting {
        const FIELDS: &'static [&'static str] = &["text", "loud", "names"];
        const REPEATED: &'static [&'static str] = &["names"];
    }

    fn greeting(body: &[u8]) -> Form<Greeting> {
        parse(body).unwrap()
    }

    #[test]
    fn form_keeps_values_as_typed() {
        let form = greeting("names=Ada&text=%F0%9F%98%80+%3Cb&loud=on&names=Bo".as_bytes());
        assert_eq!(form.values.names, ["Ada", "Bo"]);
        assert_eq!(form.values.text, "\u{1F600} <b");
        assert!(form.values.loud);
        assert!(form.errors.is_empty());
    }

    #[test]
    fn form_reports_each_mistake_beside_its_field() {
        for (body, field, part) in [
            ("", "text", "1 to 5"),
            ("text=toolong", "text", "1 to 5"),
            ("text=a&text=b", "text", "more than once"),
            ("text=a%00b", "text", "NUL"),
            ("text=%ff", "text", "UTF-8"),
            ("text=a&role=admin", WHOLE_FORM, "role"),
        ] {
            let form = greeting(body.as_bytes());
            let message = form.errors.first(field).unwrap_or_else(|| panic!("{body}: {:?}", form.errors));
            assert!(message.contains(part), "{body}: {message}");
        }
    }

    #[test]
    fn form_invalid_utf8_bad_request() {
        assert!(matches!(parse::<Greeting>(b"text=\xff"), Err(Error::BadRequest(_))));
        assert!(matches!(parse::<Greeting>(b"%ff=a"), Err(Error::BadRequest(_))));
    }

    proptest! {
        #[test]
        fn form_body_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<Greeting>(&body);
        }

        #[test]
        fn form_text_round_trips(text in "\\PC{1,5}") {
            let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("text", &text).finish();
            prop_assert_eq!(greeting(body.as_bytes()).values.text, text);
        }
    }
}
