//! `POST /admin/sessions/end`: ends all sessions that match a filter, after a preview that was confirmed.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;
use validator::{Validate, ValidationError};

use super::{filter::FilterFields, sessions::AdminSessionRow};
use crate::{
    accounts::confirm,
    app::Site,
    error::Error,
    security::Client,
    sessions::{Administrator, EndReason, Ending, list::Wanted},
    web::{FieldErrors, Flash, Form, FormFields, Layout, grouped, html, see_other},
};

/// Sessions that the preview shows.
const SHOWN: usize = 10;

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
    #[validate(custom(function = "reason"))]
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
        "reason",
        "confirm",
        "expected",
        "everyone",
    ];
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
}

fn reason(reason: &str) -> Result<(), ValidationError> {
    let length = reason.trim().chars().count();
    if (1..=200).contains(&length) && !reason.chars().any(char::is_control) {
        Ok(())
    } else {
        let message = "Say why, on one line of at most 200 characters. It is kept with each session.";
        Err(ValidationError::new("reason").with_message(message.into()))
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
    people: usize,
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
    let fields = values.filter_fields();
    let wanted = match fields.read() {
        Ok(wanted) => wanted,
        Err(found) => {
            for (field, message) in found.all() {
                errors.add_form(format!("{field}: {message} Nothing was ended."));
            }
            let nothing = Preview::default();
            return Ok(preview(layout, &fields, values, errors, nothing));
        }
    };
    let found = look(&site, &wanted, &admin).await?;
    if values.confirm != "yes" || !errors.is_empty() {
        return Ok(preview(layout, &fields, values, errors, found));
    }
    if values.expected != found.count.to_string() {
        errors.add_form(format!(
            "Meanwhile the number has changed: {} now match. Look again before you end them.",
            grouped(found.count)
        ));
    } else if !fields.is_narrowed() && !values.everyone {
        errors.add("everyone", "Tick this to end the sessions of everyone.");
    }
    if !errors.is_empty() {
        return Ok(preview(layout, &fields, values, errors, found));
    }
    if let Some(answer) = confirm::first(&req, &site, &admin, &fields.href(None)) {
        return Ok(answer);
    }
    let note = Some(values.reason.trim().to_owned());
    let ending = Ending { reason: EndReason::EndedByAdmin, by: Some(admin.id), note, client: Some(client) };
    let ends = site.sessions.end_matching(&wanted, Some(&admin.session.id), ending).await?;
    let before = usize::try_from(found.count).unwrap_or(usize::MAX);
    let flash = Flash::MatchingEnded { ended: ends.count, already: before.saturating_sub(ends.count) };
    Ok(see_other(&site.config, "/admin/sessions", Some(flash)))
}

/// What would end: all that match but the session that asks.
#[derive(Default)]
struct Preview {
    count: i64,
    people: usize,
    rows: Vec<AdminSessionRow>,
    includes_yours: bool,
}

async fn look(site: &Site, wanted: &Wanted, admin: &Administrator) -> Result<Preview, Error> {
    let page = site.sessions.page(wanted, None).await?;
    let (count, people) = site.sessions.count_but(wanted, &admin.session.id).await?;
    let all = site.sessions.count(wanted).await?;
    let rows = page.rows.iter().map(|session| AdminSessionRow::new(session, &admin.session.id));
    let rows = rows.filter(|row| !row.this_is_you).take(SHOWN).collect();
    Ok(Preview { count, people: usize::try_from(people).unwrap_or(0), rows, includes_yours: all > count })
}

fn preview(
    layout: Layout,
    fields: &FilterFields,
    values: EndMatchingForm,
    errors: FieldErrors,
    found: Preview,
) -> HttpResponse {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = PreviewPage {
        layout,
        errors,
        fields: fields.in_force(),
        filtered: fields.is_narrowed(),
        back: fields.href(None),
        reason: values.reason,
        count: found.count,
        count_text: grouped(found.count),
        people: found.people,
        more: found.count > i64::try_from(found.rows.len()).unwrap_or(i64::MAX),
        rows: found.rows,
        includes_yours: found.includes_yours,
    };
    html(status, &page)
}
