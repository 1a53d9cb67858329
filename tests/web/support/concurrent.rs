//! Requests that run beside the test, which goes on before they are answered.

use std::rc::Rc;

use actix_web::rt::{spawn, task::JoinHandle};

use super::{answer::Answer, client::Client};

/// Sends an empty form beside the test.
pub fn send(client: &Rc<Client>, path: &str) -> JoinHandle<Answer> {
    send_form(client, path, &[])
}

/// Sends a form beside the test.
pub fn send_form(client: &Rc<Client>, path: &str, fields: &[(&str, &str)]) -> JoinHandle<Answer> {
    let (client, path) = (client.clone(), path.to_owned());
    let fields: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    spawn(async move {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        client.post(&path, &fields).await
    })
}

/// Sends a call of the site's own script beside the test.
pub fn send_call(client: &Rc<Client>, path: &str, body: serde_json::Value) -> JoinHandle<Answer> {
    let (client, path) = (client.clone(), path.to_owned());
    spawn(async move { client.send_json(reqwest::Method::POST, &path, &body).await })
}
