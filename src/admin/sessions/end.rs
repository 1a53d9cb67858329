//! `POST /admin/sessions/end`: ends all sessions that match a filter, or that were ticked, after a preview that was
//! confirmed.

use std::cell::Cell;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;
use validator::Validate;

use super::{end_progress, filter::FilterFields, list_fields::ListFields, row::AdminSessionRow};
use crate::{
    accounts::{
        Accounts, Actor,
        pages::{confirm, sensitive_action::Description},
    },
    admin::forms,
    error::Error,
    layout::{Flash, Layout, see_other},
    security::Client,
    sessions::{
        Administrator, CHUNK, EndReason, EndRequest, Preview, Sessions,
        catalogue::{cursor::is_session_id, filter::ListQuery},
    },
    web::{FieldErrors, Form, FormFields, checkbox, grouped, html, lines},
};

/// Sessions that the preview shows.
const PREVIEW_ROWS: usize = 10;

/// Most sessions that can be ticked.
const MAX_TICKED: usize = 1_000;

/// `POST /admin/sessions/end`: the fields of the filter, and what the preview adds.
#[derive(Debug, Default, Deserialize, Validate)]
#[serde(default)]
pub struct EndMatchingForm {
    #[serde(flatten)]
    filter: FilterFields,
    #[serde(deserialize_with = "lines")]
    ids: Vec<String>,
    #[serde(deserialize_with = "checkbox")]
    ticked: bool,
    #[validate(custom(function = "forms::required_reason"))]
    reason: String,
    #[validate(custom(function = "forms::optional_line"))]
    note: String,
    confirm: String,
    expected: String,
    #[serde(deserialize_with = "checkbox")]
    everyone: bool,
    /// The page of the list with the form.
    back: String,
}

impl FormFields for EndMatchingForm {
    const FIELDS: &'static [&'static str] =
        &["ids", "ticked", "reason", "note", "confirm", "expected", "everyone", "back"];
    const FLATTENED_FIELDS: &'static [&'static str] = FilterFields::NAMES;
    const REPEATED: &'static [&'static str] = &["ids"];
}

impl EndMatchingForm {
    /// The sessions that are meant, but that of the administrator. `None` after a mistake: then nothing ends.
    fn query(&self, own: &str, errors: &mut FieldErrors) -> Option<ListQuery> {
        let mut query = match ListFields::from(self.filter.clone()).read() {
            Ok(query) => query,
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
            if self.ids.len() > MAX_TICKED || !self.ids.iter().all(|id| is_session_id(id)) {
                errors.add_form("ids: These are not the ids of at most 1,000 sessions. Nothing was ended.");
                return None;
            }
            query.filter.ids = Some(self.ids.clone());
        }
        query.filter.except = Some(own.to_owned());
        Some(query)
    }

    /// The fields that the preview's form repeats.
    fn repeated(&self) -> Vec<(&'static str, String)> {
        let mut fields = self.filter.in_force();
        fields.extend(self.ids.iter().map(|id| ("ids", id.clone())));
        if self.ticked {
            fields.push(("ticked", "on".to_owned()));
        }
        if !self.back.is_empty() {
            fields.push(("back", self.back.clone()));
        }
        fields
    }

    /// Adds why this many sessions are not ended although the preview was confirmed, if there is a reason.
    fn check_confirmation(&self, count: i64, errors: &mut FieldErrors) {
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
        self.filter.is_narrowed() || !self.ids.is_empty()
    }

    /// The page that has the form, or the list with this filter.
    fn origin(&self) -> String {
        if self.back.is_empty() { self.filter.address().href(None) } else { forms::back_to(&self.back) }
    }
}

#[derive(Template)]
#[template(path = "admin/sessions/end_preview.html")]
struct PreviewPage {
    layout: Layout,
    errors: FieldErrors,
    /// Name and value of the filter's fields in force.
    fields: Vec<(&'static str, String)>,
    filtered: bool,
    back: String,
    reason: String,
    note: String,
    count: i64,
    count_text: String,
    people: String,
    one_person: bool,
    ticked: bool,
    rows: Vec<AdminSessionRow>,
    /// How many are not shown; empty for none.
    more: String,
    includes_yours: bool,
}

impl PreviewPage {
    fn new(
        layout: Layout,
        values: EndMatchingForm,
        errors: FieldErrors,
        preview: &Preview,
        own: &str,
    ) -> Self {
        let rows = preview.rows.iter().take(PREVIEW_ROWS).map(|session| AdminSessionRow::new(session, own));
        let rows: Vec<AdminSessionRow> = rows.collect();
        let more = preview.count - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        Self {
            layout,
            errors,
            fields: values.repeated(),
            filtered: values.is_narrowed(),
            ticked: values.ticked,
            back: values.origin(),
            reason: values.reason,
            note: values.note,
            count: preview.count,
            count_text: grouped(preview.count),
            people: if preview.count > 0 || preview.users > 0 {
                grouped(preview.users)
            } else {
                String::new()
            },
            one_person: preview.users == 1,
            more: if more > 0 { grouped(more) } else { String::new() },
            rows,
            includes_yours: preview.includes_own,
        }
    }

    fn response(&self) -> HttpResponse {
        html(if self.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, self)
    }
}

/// `POST /admin/sessions/end`
pub async fn end(
    req: HttpRequest,
    accounts: web::Data<Accounts>,
    sessions: web::Data<Sessions>,
    layout: Layout,
    admin: Administrator,
    client: Client,
    form: Form<EndMatchingForm>,
) -> Result<HttpResponse, Error> {
    let Form { values, mut errors } = form;
    let own = &admin.session.id;
    let Some(query) = values.query(own, &mut errors) else {
        return Ok(PreviewPage::new(layout, values, errors, &Preview::default(), own).response());
    };
    let query = sessions.resolve(query).await?;
    let confirmed = values.confirm == "yes" && errors.is_empty();
    // What else the preview shows is read only when it is shown.
    let count = if confirmed { sessions.count(&query).await? } else { 0 };
    accounts.check_actor(Actor::administrator(&admin, client.clone())).await?;
    if confirmed {
        values.check_confirmation(count, &mut errors);
    }
    if !confirmed || !errors.is_empty() {
        let preview = sessions.preview(&query, own).await?;
        return Ok(PreviewPage::new(layout, values, errors, &preview, own).response());
    }
    let parts = (layout, client.clone());
    let describe = async |_: &[_]| {
        let Preview { count, users, rows, .. } = sessions.preview(&query, own).await?;
        let name = rows.first().map(|session| session.name.as_str());
        Ok(Description::end_of_sessions(count, users, name))
    };
    let asked = confirm::required(&req, &accounts, &admin, parts, values.origin(), describe).await?;
    if let Some(response) = asked {
        return Ok(response);
    }
    let request = EndRequest {
        remarks: forms::remarks(&values.reason, &values.note),
        ..EndRequest::by_user(EndReason::EndedByAdmin, admin.id, client)
    };
    if count > CHUNK {
        let id = sessions.into_inner().begin_end_many(query, request, &admin, count).await?;
        return Ok(see_other(&end_progress::href(&id, &values.back), None));
    }
    let ended = Cell::new(0);
    let on_progress = async |count| ended.set(count);
    let flash = match sessions.end_many(&query, request, Some(admin.rights()), on_progress).await {
        Ok(ends) => {
            let before = usize::try_from(count).unwrap_or(usize::MAX);
            Flash::MatchingEnded { ends, already: before.saturating_sub(ends.count) }
        }
        Err(error) if ended.get() > 0 => {
            tracing::error!(error = ?error.causes(), "an end of many sessions did not finish");
            Flash::EndStopped(ended.get())
        }
        Err(error) => return Err(error),
    };
    Ok(see_other(&forms::back_to(&values.back), flash))
}
