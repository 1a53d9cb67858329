//! The data of the frame around every page's content.

use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::{notice::Notice, notices::Flash};
use crate::{
    config::{Config, OwnSite},
    error::Error,
    security::site,
    sessions::CurrentUser,
    state::shared,
    users::SetUp,
    web::{assets, flash},
};

/// The data of the frame around a page's content; templates read it as `layout`. As an extractor it looks up the user and takes
/// the request's flash.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The site's own name and look.
    pub site: Arc<OwnSite>,
    /// Where the site itself is, for people who are signed in.
    pub home: Option<String>,
    /// The signed-in user.
    pub user: Option<Viewer>,
    /// The notices of this request.
    pub notices: Vec<Notice>,
    /// The page's own path.
    pub path: String,
    /// Whether anyone may register.
    pub registration_open: bool,
    /// Whether the site has no administrator yet; until then nobody may register.
    pub set_up_pending: bool,
    /// Whether the lookup of the user failed, because a store is down.
    pub unavailable: bool,
    /// Whether the request was refused before its user was looked up; the header then shows neither user nor sign-in link.
    pub user_unchecked: bool,
    /// What stands before the paths of static files: nothing, or what a site's proxy hands over.
    pub files_below: &'static str,
    /// Whether the page is the response to a form, so that a GET of its address may fail.
    pub answers_form: bool,
}

/// The signed-in user as the header shows them.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The user's name.
    pub name: String,
    /// The user's email address.
    pub email: String,
    /// Whether the user is an administrator and the header links the administration.
    pub is_admin: bool,
    /// The public id of the session that the page is made for.
    pub session_id: String,
}

impl Viewer {
    /// What the header shows of a user.
    pub fn of(user: &CurrentUser) -> Self {
        Self {
            name: user.name.clone(),
            email: user.email.clone(),
            is_admin: user.is_admin(),
            session_id: user.session.id.clone(),
        }
    }
}

impl Layout {
    /// The layout without a user, such as for an error page.
    pub fn bare(config: &Config, path: &str) -> Self {
        Self {
            site: Arc::clone(&config.site),
            home: config.server.home.address().map(str::to_owned),
            user: None,
            notices: Vec::new(),
            path: path.to_owned(),
            registration_open: config.accounts.registration_open,
            set_up_pending: false,
            unavailable: false,
            user_unchecked: false,
            files_below: "",
            answers_form: false,
        }
    }

    /// The layout of a page at a site with a cookie of its own: without this site's navigation.
    pub fn at_site(config: &Config, path: &str) -> Self {
        Self { files_below: site::PREFIX, user_unchecked: true, ..Self::bare(config, path) }
    }

    /// The path of a static file with its version.
    pub fn asset(&self, name: &str) -> Cow<'static, str> {
        match self.files_below {
            "" => assets::href(name).into(),
            below => format!("{below}{}", assets::href(name)).into(),
        }
    }

    /// Where the name of the site in the header leads: to the site itself, and who has to sign in for that first to the front page.
    pub fn brand_href(&self) -> &str {
        self.home.as_deref().filter(|home| self.user.is_some() || !home.starts_with('/')).unwrap_or("/")
    }

    /// The address of the operator's style sheet.
    pub fn site_css(&self) -> Option<String> {
        self.site.css_href().map(|href| format!("{}{href}", self.files_below))
    }

    /// The address of the operator's picture, and its media type.
    pub fn logo(&self) -> Option<(String, &'static str)> {
        self.site.logo_href().map(|(href, kind)| (format!("{}{href}", self.files_below), kind))
    }

    /// Whether the page is at this site, and not at another one that lends it its host.
    pub fn is_here(&self) -> bool {
        self.files_below.is_empty()
    }

    /// Whether the page's path begins with this prefix.
    pub fn is_at(&self, prefix: &str) -> bool {
        self.path.starts_with(prefix)
    }

    /// Whether the user is an administrator and the page belongs to the administration.
    pub fn is_administration(&self) -> bool {
        self.is_at("/admin") && self.user.as_ref().is_some_and(|user| user.is_admin)
    }

    /// The layout of a request's page; takes the request's flash.
    async fn of(req: &HttpRequest) -> Result<Self, Error> {
        let config = shared::<Config>(req)?;
        let user = match CurrentUser::find(req).await {
            // The page is not for whoever sent this: the same address is asked for once more, with the new key.
            Err(error @ Error::KeyRotated) => return Err(error),
            user => user,
        };
        let notices = flash::take(req, &config.server).map(Flash::notice).into_iter().collect();
        let unavailable = user.is_err();
        let user = user.ok().flatten().map(|user| Viewer::of(&user));
        let answers_form = !req.method().is_safe();
        // While the database is down, a page says nothing of it; nobody can register then either.
        let set_up_pending = shared::<SetUp>(req)?.is_pending().await.unwrap_or(false);
        let bare = Self::bare(config, req.path());
        let registration_open = bare.registration_open && !set_up_pending;
        Ok(Self { user, notices, registration_open, set_up_pending, unavailable, answers_form, ..bare })
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
