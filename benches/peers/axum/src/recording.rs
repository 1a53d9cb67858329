//! Responses of Gatehouse, which the load generator has saved to files.

use std::path::Path;

use anyhow::Result;
use axum::{
    body::Body,
    http::{
        HeaderMap, StatusCode,
        header::{HeaderName, HeaderValue, SET_COOKIE},
    },
    response::Response,
};
use serde::Deserialize;

/// A file as it was saved.
#[derive(Deserialize)]
struct Recording {
    status: u16,
    headers: Vec<(String, String)>,
    /// The body, split where the user's address was.
    body: Vec<String>,
}

/// A response of Gatehouse without its cookies.
pub struct Replay {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<String>,
}

impl Replay {
    /// Reads a saved response.
    pub fn load(directory: &Path, name: &str) -> Result<Self> {
        let recording: Recording = serde_json::from_slice(&std::fs::read(directory.join(name))?)?;
        let mut headers = HeaderMap::new();
        for (name, value) in recording.headers {
            headers.append(name.parse::<HeaderName>()?, value.parse::<HeaderValue>()?);
        }
        headers.remove(SET_COOKIE);
        Ok(Self { status: StatusCode::from_u16(recording.status)?, headers, body: recording.body })
    }

    /// The response, with this address where the recorded one was.
    pub fn response(&self, email: &str) -> Response {
        let mut response = Response::new(Body::from(self.body.join(email)));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}
