//! `POST /admin/sessions/end`: ends all sessions that match a filter, or that were ticked, after a preview that was
//! confirmed.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;
use validator::Validate;

use super::{end_progress, filter::FilterFields, list::AdminSessionRow};
use crate::{
    accounts::pages::confirm,
    admin::forms,
    app::Site,
    error::Error,
    layout::Layout,
    security::Client,
    sessions::{
        Administrator, CHUNK, EndReason, Ending,
        catalogue::{
            list::{Filter, Wanted, is_session_id},
            rows,
        },
    },
    web::{FieldErrors, Flash, Form, FormFields, grouped, html, see_other},
};

/// Sessions that the preview shows.
const SHOWN: usize = 10;

/// Most sessions that can be ticked.
const TICKED: usize = 1_000;

/// `POST /admin/sessions/end`: the fields of the filter, and what the preview adds.
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct EndMatchingForm {
    q: String,
    ip: String,
    browser: String,
    os: String,
    role: String,
    remembered: String,
    older_than: String,
    idle_over: String,
    #[serde(deserialize_with = "crate::web::lines")]
    ids: Vec<String>,
    #[serde(deserialize_with = "crate::web::checkbox")]
    ticked: bool,
    #[validate(custom(function = "forms::required_reason"))]
    reason: String,
    confirm: String,
    expected: String,
    #[serde(deserialize_with = "crate::web::checkbox")]
    everyone: bool,
}

impl FormFields for EndMatchingForm {
    const FIELDS: &'static [&'static str] = &[
        "q",
        "ip",
        "browser",
        "os",
        "role",
        "remembered",
        "older_than",
        "idle_over",
        "ids",
        "ticked",
        "reason",
        "confirm",
        "expected",
        "everyone",
    ];
    const REPEATED: &'static [&'static str] = &["ids"];
}

impl EndMatchingForm {
    fn filter_fields(&self) -> FilterFields {
        FilterFields {
            q: self.q.clone(),
            ip: self.ip.clone(),
            browser: self.browser.clone(),
            os: self.os.clone(),
            role: self.role.clone(),
            remembered: self.remembered.clone(),
            older_than: self.older_than.clone(),
            idle_over: self.idle_over.clone(),
            ..FilterFields::default()
        }
    }

    /// Which sessions are meant, but that of the administrator. What can't be read ends nothing.
    fn wanted(&self, own: &str, errors: &mut FieldErrors) -> Option<Wanted> {
        let mut wanted = match self.filter_fields().read() {
            Ok(wanted) => wanted,
            Err(found) => {
                for (field, message) in found.all() {
                    errors.add_form(format!("{field}: {message} Nothing was ended."));
                }
                return None;
            }
        };
        if self.ticked || !self.ids.is_empty() {
            if self.ids.is_empty() {
                errors.add_form("No session was ticked. Tick those to end in the list.");
                return None;
            }
            if self.ids.len() > TICKED || !self.ids.iter().all(|id| is_session_id(id)) {
                errors.add_form("ids: These are not the ids of at most 1,000 sessions. Nothing was ended.");
                return None;
            }
            wanted.filter.ids = Some(self.ids.clone());
        }
        wanted.filter.but = Some(own.to_owned());
        Some(wanted)
    }

    /// The fields that the preview's form repeats.
    fn repeated(&self) -> Vec<(&'static str, String)> {
        let mut fields = self.filter_fields().in_force();
        fields.extend(self.ids.iter().map(|id| ("ids", id.clone())));
        if self.ticked {
            fields.push(("ticked", "on".to_owned()));
        }
        fields
    }

    /// Why so many sessions are not to be ended yet, although the preview was confirmed.
    fn refuse(&self, count: i64, errors: &mut FieldErrors) {
        if self.expected != count.to_string() {
            errors.add_form(format!(
                "Meanwhile the number has changed: {} now match. Look again before you end them.",
                grouped(count)
            ));
        } else if !self.is_narrowed() && !self.everyone {
            errors.add("everyone", "Tick this to end the sessions of everyone.");
        }
    }

    /// Whether fewer than all sessions are meant.
    fn is_narrowed(&self) -> bool {
        self.filter_fields().is_narrowed() || !self.ids.is_empty()
    }
}

#[derive(Template)]
#[template(path = "admin/end_preview.html")]
struct PreviewPage {
    layout: Layout,
    errors: FieldErrors,
    /// Name and value of the filter's fields in force.
    fields: Vec<(&'static str, String)>,
    filtered: bool,
    back: String,
    reason: String,
    count: i64,
    count_text: String,
    people: String,
    one_person: bool,
    ticked: bool,
    rows: Vec<AdminSessionRow>,
    more: bool,
    includes_yours: bool,
}

/// `POST /admin/sessions/end`
pub async fn end(
    req: HttpRequest,
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    form: Form<EndMatchingForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let Some(wanted) = values.wanted(&admin.session.id, &mut errors) else {
        return Ok(preview(layout, values, errors, Preview::default()));
    };
    let wanted = site.sessions.found(wanted).await?;
    let confirmed = values.confirm == "yes" && errors.is_empty();
    // What else the preview shows is looked up only when it is shown.
    let count = if confirmed { site.sessions.count(&wanted).await? } else { 0 };
    let session = admin.session.id.clone();
    site.db.run(move |conn| rows::check_administrator(conn, &session)).await?;
    if confirmed {
        values.refuse(count, &mut errors);
    }
    if !confirmed || !errors.is_empty() {
        let found = look(&site, &wanted, &admin).await?;
        return Ok(preview(layout, values, errors, found));
    }
    if let Some(answer) = confirm::first(&req, &site, &admin, &values.filter_fields().href(None)) {
        return Ok(answer);
    }
    let note = forms::reason(&values.reason).map(str::to_owned);
    let ending = Ending { reason: EndReason::EndedByAdmin, by: Some(admin.id), note, client: Some(client) };
    if count > CHUNK {
        let id = end_progress::begin(&site, wanted, ending, &admin, count).await?;
        return Ok(see_other(&site.config, &format!("/admin/sessions/ends/{id}"), None));
    }
    let ends = site.sessions.end_matching(&wanted, ending, async |_| {}).await?;
    let before = usize::try_from(count).unwrap_or(usize::MAX);
    let flash = Flash::MatchingEnded { ends, already: before.saturating_sub(ends.count) };
    Ok(see_other(&site.config, "/admin/sessions", Some(flash)))
}

/// What would end: all that match but the session that asks.
#[derive(Default)]
struct Preview {
    count: i64,
    people: String,
    /// One person.
    one: bool,
    rows: Vec<AdminSessionRow>,
    includes_yours: bool,
}

async fn look(site: &Site, wanted: &Wanted, admin: &Administrator) -> Result<Preview, Error> {
    let page = site.sessions.page(wanted, None).await?;
    let count = site.sessions.count(wanted).await?;
    let people = site.sessions.people(wanted).await?;
    let rows = page.rows.iter().map(|session| AdminSessionRow::new(session, &admin.session.id));
    let mine = Filter { but: None, ids: Some(vec![admin.session.id.clone()]), ..wanted.filter.clone() };
    let chosen = wanted.filter.ids.as_ref().is_none_or(|ids| ids.contains(&admin.session.id));
    let includes_yours =
        chosen && site.sessions.count(&Wanted { filter: mine, ..Wanted::default() }).await? > 0;
    Ok(Preview {
        count,
        people: grouped(people),
        one: people == 1,
        rows: rows.take(SHOWN).collect(),
        includes_yours,
    })
}

fn preview(layout: Layout, values: EndMatchingForm, errors: FieldErrors, found: Preview) -> HttpResponse {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = PreviewPage {
        layout,
        errors,
        fields: values.repeated(),
        filtered: values.is_narrowed(),
        ticked: values.ticked,
        back: values.filter_fields().href(None),
        reason: values.reason,
        count: found.count,
        count_text: grouped(found.count),
        people: found.people,
        one_person: found.one,
        more: found.count > i64::try_from(found.rows.len()).unwrap_or(i64::MAX),
        rows: found.rows,
        includes_yours: found.includes_yours,
    };
    html(status, &page)
}
