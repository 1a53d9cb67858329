//! What an answer to an error carries for whoever writes its page or its problem details.

use std::collections::BTreeMap;

/// What is wrong with each field, for problem details; in the extensions of the response.
#[derive(Debug, Clone)]
pub struct FieldProblems(pub BTreeMap<String, Vec<String>>);

/// A sign-in that needs a second factor, for problem details; in the extensions of the response.
#[derive(Debug, Clone)]
pub struct OpenSecondStep {
    /// Its state.
    pub state: String,
    /// What can be shown.
    pub methods: Vec<&'static str>,
}

/// What a program knows an error by (the `type` of RFC 9457); in the extensions of the response.
#[derive(Debug, Clone, Copy)]
pub struct Problem {
    /// Its name in the address of its description.
    pub name: &'static str,
    /// The same for people.
    pub title: &'static str,
}

/// The message that the error page shows instead of the status's default; in the extensions of the response.
#[derive(Debug, Clone)]
pub struct Detail(pub String);

/// The link by which the user goes on from the error page; in the extensions of the response.
#[derive(Debug, Clone)]
pub struct LinkOn {
    /// A path of this site.
    pub href: String,
    /// What the link says.
    pub label: String,
}
