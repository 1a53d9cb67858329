//! The fields in the query of a page's address.

use std::{
    collections::BTreeMap,
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::{DeserializeOwned, value::MapDeserializer};

use crate::error::Error;

/// The fields of a query, as an extractor. People and other sites make links too: of a field that is there more than once the
/// first counts, and unknown fields are ignored.
#[derive(Debug)]
pub struct Query<T>(T);

impl<T> Query<T> {
    /// The fields themselves.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(req.query_string()))
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<Query<T>, Error> {
    let mut fields = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    T::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(fields.into_iter()))
        .map(Query)
        .map_err(|error| Error::BadRequest(format!("The address of this page can't be read: {error}.")))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Fields {
        next: String,
        other: String,
    }

    #[test]
    fn query_first_of_repeated_fields_counts() {
        let fields: Query<Fields> = read("next=%2Fa+b&x=1&next=c&other=%ff&&next").unwrap();
        assert_eq!((fields.next.as_str(), fields.other.as_str()), ("/a b", "\u{fffd}"));
        assert_eq!(read::<Fields>("").unwrap().into_inner().next, "");
    }
}
