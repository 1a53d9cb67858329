//! Test users: what they type, how they register and sign in.

use super::{answer::Answer, app::TestApp, client::Client};

/// A strong password, not built from the name of any test user.
pub const PASSWORD: &str = "violet-anchor-93-maple";

/// A user of the application, with or without an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub email: String,
    pub password: String,
}

impl Person {
    /// A user of this name, without an account yet: `Ada Lovelace` is `ada.lovelace@example.org`.
    pub fn new(name: &str) -> Self {
        let email = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
        Self { name: name.to_owned(), email, password: PASSWORD.to_owned() }
    }

    /// Registers with the form, which also signs in.
    pub async fn register(&self, client: &Client) -> Answer {
        let password = self.password.as_str();
        let fields = [
            ("name", self.name.as_str()),
            ("email", &self.email),
            ("password", password),
            ("password_confirmation", password),
        ];
        landed(post_password(client, "/register", &fields).await)
    }

    /// Becomes the first administrator with the form behind a link, which also signs in.
    pub async fn set_up(&self, client: &Client, link: &str) -> Answer {
        let (_, token) = link.split_once("/setup?token=").unwrap();
        let password = self.password.as_str();
        let fields = [
            ("token", token),
            ("name", self.name.as_str()),
            ("email", &self.email),
            ("password", password),
            ("password_confirmation", password),
        ];
        post_password(client, "/setup", &fields).await.to("/admin/sessions")
    }

    /// Signs in with the form.
    pub async fn sign_in(&self, client: &Client) -> Answer {
        let fields = [("email", self.email.as_str()), ("password", &self.password)];
        landed(post_password(client, "/login", &fields).await)
    }

    /// Signs in with a tick at "Remember me".
    pub async fn sign_in_remembered(&self, client: &Client) -> Answer {
        let fields = [("email", self.email.as_str()), ("password", &self.password), ("remember", "on")];
        landed(post_password(client, "/login", &fields).await)
    }
}

/// Sends a form with a password; again while the machine is so busy with other tests that none is checked within a second.
pub async fn post_password(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut answer = client.post(path, fields).await;
    for _ in 0..100 {
        if answer.status != 503 || !answer.body.contains("Too many passwords wait") {
            break;
        }
        answer = client.post(path, fields).await;
    }
    answer
}

/// The answer to somebody who is signed in now: to the profile, or to a home of the site's own.
#[track_caller]
fn landed(answer: Answer) -> Answer {
    let home = ["/pages/", "/members"].into_iter().find(|home| answer.location() == Some(home));
    answer.to(home.unwrap_or("/profile"))
}

impl TestApp {
    /// A new user, registered and signed in.
    pub async fn person(&self, name: &str) -> (Person, Client) {
        let (person, client) = (Person::new(name), self.client());
        person.register(&client).await;
        (person, client)
    }

    /// A new administrator, registered and signed in.
    pub async fn admin(&self, name: &str) -> (Person, Client) {
        let (person, client) = self.person(name).await;
        self.make_admin(&person);
        (person, client)
    }
}
