//! What every page shows around its own content.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::notices::{Flash, Notice};
use crate::{
    config::Config,
    error::Error,
    sessions::CurrentUser,
    state::shared,
    web::{assets, flash},
};

/// What every page shows around its own content.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Who is signed in.
    pub user: Option<Viewer>,
    /// What was just done, and why this browser's session has ended.
    pub notices: Vec<Notice>,
    /// The page's own path.
    pub path: String,
    /// Whether visitors may register.
    pub registration_open: bool,
    /// Who is signed in can't be told just now.
    pub unavailable: bool,
    /// The request was refused before anyone asked who is signed in, so the header doesn't say.
    pub unasked: bool,
    /// The page answers a form, so its address may not be one to come back to.
    pub answers_form: bool,
}

/// The signed-in user as the header shows them.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Whether the administration is linked.
    pub is_admin: bool,
}

impl Viewer {
    /// The user as the header shows them.
    pub fn of(user: &CurrentUser) -> Self {
        Self { name: user.name.clone(), email: user.email.clone(), is_admin: user.is_admin() }
    }
}

impl Layout {
    /// The layout of a page that doesn't know who is signed in, such as an error page.
    pub fn bare(config: &Config, path: &str) -> Self {
        Self {
            user: None,
            notices: Vec::new(),
            path: path.to_owned(),
            registration_open: config.accounts.registration_open,
            unavailable: false,
            unasked: false,
            answers_form: false,
        }
    }

    /// The address of a static file, with its version.
    pub fn asset(&self, name: &str) -> String {
        assets::href(name)
    }

    /// Whether the page is in this part of the site.
    pub fn is_at(&self, prefix: &str) -> bool {
        self.path.starts_with(prefix)
    }

    /// Whether an administrator sees a page of the administration.
    pub fn is_administration(&self) -> bool {
        self.is_at("/admin") && self.user.as_ref().is_some_and(|user| user.is_admin)
    }

    async fn of(req: &HttpRequest) -> Result<Self, Error> {
        let config = shared::<Config>(req)?;
        let current = CurrentUser::find(req).await;
        let notices = flash::take(req, &config.server).map(Flash::notice).into_iter().collect();
        let unavailable = current.is_err();
        let user = current.ok().flatten().map(|user| Viewer::of(&user));
        let answers_form = !req.method().is_safe();
        Ok(Self { user, notices, unavailable, answers_form, ..Self::bare(config, req.path()) })
    }
}

impl FromRequest for Layout {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move { Self::of(&req).await })
    }
}
