//! The body of a call: JSON or a form, read strictly, with the mistakes of each field by its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use serde::de::value::MapDeserializer;

use super::{json, sent::Sent};
use crate::{
    error::Error,
    security::bodies,
    web::{FieldErrors, FormFields, decode, read_body},
};

/// Most unknown fields that a refusal names.
const MAX_UNKNOWN: usize = 20;

/// The fields of a call.
pub trait CallFields: FormFields {
    /// The fields that are true or false; all others are texts.
    const CHOICES: &'static [&'static str] = &[];
}

/// The fields that were sent, with what is wrong with them.
#[derive(Debug)]
pub struct Body<T> {
    values: T,
    errors: FieldErrors,
}

impl<T> Body<T> {
    /// Adds what `check` finds wrong with a field that has no mistake yet.
    pub fn check(mut self, field: &str, check: impl FnOnce(&T) -> Option<String>) -> Self {
        if !self.errors.has(field)
            && let Some(message) = check(&self.values)
        {
            self.errors.add(field, message);
        }
        self
    }

    /// The fields, if nothing is wrong with them.
    ///
    /// # Errors
    /// [`Error::Fields`] with all mistakes.
    pub fn valid(self) -> Result<T, Error> {
        if self.errors.is_empty() { Ok(self.values) } else { Err(refused(&self.errors)) }
    }
}

/// The error for fields with mistakes.
pub(super) fn refused(errors: &FieldErrors) -> Error {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (field, message) in errors.all() {
        fields.entry(field.to_owned()).or_default().push(message.to_owned());
    }
    Error::Fields(fields)
}

impl<T: CallFields> FromRequest for Body<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let body = read_body(&req, &mut payload).await?;
            Self::read(&req, &body)
        })
    }
}

impl<T: CallFields> Body<T> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`Error::BadRequest`] when it is neither JSON nor a form.
    pub fn read(req: &HttpRequest, body: &[u8]) -> Result<Self, Error> {
        // What has neither type has been refused, unless it is empty.
        let is_json = req.content_type().eq_ignore_ascii_case(bodies::JSON);
        collect(if is_json { json::read(body)? } else { read_form(body)? })
    }
}

fn read_form(body: &[u8]) -> Result<Vec<(String, Sent)>, Error> {
    let not_utf8 = || Error::BadRequest("The text of the body is not valid UTF-8.".to_owned());
    let body = std::str::from_utf8(body).map_err(|_| not_utf8())?;
    let pairs = body.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(not_utf8)?;
            Ok((name, decode(value).map_or(Sent::Unreadable, Sent::Text)))
        })
        .collect()
}

/// The values of known fields, and the mistakes of all.
fn collect<T: CallFields>(sent: Vec<(String, Sent)>) -> Result<Body<T>, Error> {
    let mut errors = FieldErrors::default();
    let (mut values, mut unknown) = (BTreeMap::new(), BTreeSet::new());
    for (name, value) in sent {
        if !T::FIELDS.contains(&name.as_str()) {
            if unknown.len() < MAX_UNKNOWN && unknown.insert(name.clone()) {
                errors.add(&name, "There is no field of this name.");
            }
            continue;
        }
        let is_choice = T::CHOICES.contains(&name.as_str());
        let text = match read(value, is_choice) {
            Ok(text) => text,
            Err(mistake) => {
                errors.add(&name, mistake);
                continue;
            }
        };
        if values.insert(name.clone(), text).is_some() {
            errors.add(&name, "This field was sent more than once.");
        }
    }
    let values = T::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(values.into_iter()))
        .map_err(|error| Error::BadRequest(error.to_string()))?;
    if let Err(invalid) = values.validate() {
        let invalid = FieldErrors::from(invalid);
        let new: Vec<_> = invalid.all().filter(|(field, _)| !errors.has(field)).collect();
        for (field, message) in new {
            errors.add(field, message);
        }
    }
    Ok(Body { values, errors })
}

/// A value as the forms of pages have it.
fn read(value: Sent, is_choice: bool) -> Result<String, &'static str> {
    let choice = |on: bool| if on { "on".to_owned() } else { String::new() };
    match value {
        Sent::Choice(on) if is_choice => Ok(choice(on)),
        Sent::Text(text) if is_choice => match text.as_str() {
            "on" | "true" => Ok(choice(true)),
            "" | "off" | "false" => Ok(choice(false)),
            _ => Err("Send true or false."),
        },
        Sent::Choice(_) | Sent::OtherType if is_choice => Err("Send true or false."),
        Sent::Choice(_) | Sent::OtherType => Err("Send a text."),
        Sent::Unreadable => Err("This is not valid text (UTF-8, no half of a surrogate pair)."),
        Sent::Text(text) if text.contains('\0') => {
            Err("This contains a NUL character, which can't be stored.")
        }
        Sent::Text(text) => Ok(text),
    }
}
