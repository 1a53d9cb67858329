//! Responses of the application, saved to files by the load generator and sent again by the limit server.

use std::path::Path;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
};
use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::client::Response;

/// The file of the response to `GET /profile`. The axum stack reads it too.
pub const PAGE: &str = "page";
/// The file of the same in a session with "remember me": it sets the cookie again.
pub const REMEMBERED_PAGE: &str = "remembered-page";
/// The file of the response to `GET /auth/verify`.
pub const VERIFIED: &str = "verified";
/// The file of the response to `GET /auth/me`.
pub const ME: &str = "me";
/// The file of the response to `POST /login`. The axum stack reads it too.
pub const SIGN_IN: &str = "sign-in";
/// The file of a session's state, as the application stores it in Redis.
pub const STATE: &str = "state";

/// A response of the application, to be sent again with the address of another user in it.
#[derive(Serialize, Deserialize)]
pub struct Recording {
    status: u16,
    headers: Vec<(String, String)>,
    /// The body, split where the user's address was.
    body: Vec<String>,
}

impl Recording {
    /// Saves a response to a file of the directory.
    pub fn save(directory: &Path, name: &str, response: &Response<'_>, email: &str) -> Result<()> {
        let headers = response.head.lines().filter_map(|line| line.split_once(": "));
        let headers = headers
            .filter(|(name, _)| !matches!(name.to_ascii_lowercase().as_str(), "date" | "content-length"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let body = std::str::from_utf8(response.body)?.split(email).map(str::to_owned).collect();
        let recording = Self { status: response.status, headers, body };
        Ok(std::fs::write(directory.join(name), serde_json::to_string(&recording)?)?)
    }
}

/// A [`Recording`], converted to the types of actix-web.
pub struct Replay {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<String>,
}

impl Replay {
    /// Reads a saved response.
    pub fn load(directory: &Path, name: &str) -> Result<Self> {
        let recording: Recording = serde_json::from_slice(&std::fs::read(directory.join(name))?)?;
        let mut headers = Vec::new();
        for (name, value) in recording.headers {
            headers.push((name.parse()?, value.parse()?));
        }
        Ok(Self { status: StatusCode::from_u16(recording.status)?, headers, body: recording.body })
    }

    /// The response, with this address where the recorded one was.
    pub fn response(&self, email: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for header in &self.headers {
            response.append_header(header.clone());
        }
        response.body(self.body.join(email))
    }
}
