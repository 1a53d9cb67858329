//! `/admin/sessions`: all active sessions.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;

use super::filter::{FilterFields, WHO};
use crate::{
    accounts::pages::sessions::Facts,
    app::Site,
    error::Error,
    layout::Layout,
    sessions::{
        Administrator, EndReason, Page,
        catalogue::list::{Listed, Order, Wanted},
    },
    users::User,
    web::{Chip, FieldErrors, Moment, grouped, html},
};

/// So many are counted for the page, however many there are: it costs the same for all.
const COUNTED: i64 = 1_000;

#[derive(Template)]
#[template(path = "admin/sessions.html")]
struct AdminSessionsPage {
    layout: Layout,
    errors: FieldErrors,
    fields: FilterFields,
    chips: Vec<Chip>,
    /// What the table lists, and in which order.
    caption: String,
    /// Fields beyond the first two are in use: they are not folded away.
    more_fields: bool,
    ended: bool,
    filtered: bool,
    total: i64,
    total_text: String,
    rows: Vec<AdminSessionRow>,
    first_page: Option<String>,
    next_page: Option<String>,
}

/// A session as an administrator sees it.
pub struct AdminSessionRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub user_id: i64,
    pub is_admin: bool,
    pub device: String,
    pub kind: &'static str,
    pub ip: String,
    pub this_is_you: bool,
    pub remembered: bool,
    pub signed_in: Moment,
    pub last_seen: Moment,
    pub active_now: bool,
    pub expires: Moment,
    pub ends_soon: bool,
    pub ended: Option<Ended>,
}

/// When and why a session ended.
pub struct Ended {
    pub at: Moment,
    pub why: String,
}

impl AdminSessionRow {
    /// The row as the given session sees it.
    pub fn new(session: &Listed, own: &str) -> Self {
        let this_is_you = session.id == own;
        let facts = Facts::of(session, this_is_you);
        Self {
            id: session.id.clone(),
            name: session.name.clone(),
            email: session.email.clone(),
            user_id: session.user_id,
            is_admin: session.role == "admin",
            device: facts.device,
            kind: facts.kind,
            ip: session.ip.clone(),
            this_is_you,
            remembered: session.remembered,
            signed_in: facts.signed_in,
            last_seen: facts.last_seen,
            active_now: facts.active_now,
            expires: facts.expires,
            ends_soon: facts.ends_soon,
            ended: session.ended_at.map(|at| Ended {
                at: Moment::new(at),
                why: EndReason::sentence(session.end_reason.as_deref().unwrap_or_default()).to_owned(),
            }),
        }
    }
}

/// `GET /admin/sessions`
pub async fn show(
    site: web::Data<Site>,
    layout: Layout,
    admin: Administrator,
    query: web::Query<FilterFields>,
) -> Result<HttpResponse, Error> {
    let fields = query.into_inner();
    let (status, errors, wanted, page, total) = match fields.read() {
        Ok(wanted) => {
            let wanted = site.sessions.found(wanted).await?;
            // The page first: sessions that the store turns out to have lost are not counted then.
            let page = site.sessions.page(&wanted, wanted.after.as_ref()).await?;
            let all_here = wanted.after.is_none() && page.next.is_none();
            let total = match i64::try_from(page.rows.len()) {
                Ok(rows) if all_here => rows,
                _ => site.sessions.count_up_to(&wanted, COUNTED + 1).await?,
            };
            (StatusCode::OK, FieldErrors::default(), wanted, page, total)
        }
        Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors, Wanted::default(), Page::default(), 0),
    };
    let more = |(name, _): &(&str, String)| !matches!(*name, "q" | "ip");
    let page = AdminSessionsPage {
        layout,
        errors,
        chips: chips(&site, &fields, &wanted).await,
        caption: caption(&wanted),
        more_fields: fields.in_force().iter().any(more)
            || !fields.sort.is_empty()
            || !fields.state.is_empty(),
        ended: fields.state.trim() == "ended",
        filtered: fields.is_narrowed(),
        total,
        total_text: if total > COUNTED { format!("More than {}", grouped(COUNTED)) } else { grouped(total) },
        rows: page.rows.iter().map(|session| AdminSessionRow::new(session, &admin.session.id)).collect(),
        first_page: (!fields.after.is_empty()).then(|| fields.href(None)),
        next_page: page.next.map(|cursor| fields.href(Some(&cursor))),
        fields,
    };
    Ok(html(status, &page))
}

/// The filters in force; whoever is meant by number is named.
async fn chips(site: &Site, fields: &FilterFields, wanted: &Wanted) -> Vec<Chip> {
    let mut chips = fields.chips();
    if let Some(id) = wanted.filter.user
        && let Ok(user) = site.db.run(move |conn| User::by_id(conn, id)).await
    {
        for chip in chips.iter_mut().filter(|chip| chip.label == WHO) {
            chip.value = format!("{} ({})", user.name, chip.value);
        }
    }
    chips
}

fn caption(wanted: &Wanted) -> String {
    let which = if wanted.filter.ended { "Ended" } else { "Active" };
    let first = match wanted.order() {
        Order::Seen => "activity",
        Order::Started => "sign-in",
        Order::Ended => "end",
    };
    format!("{which} sessions, newest {first} first")
}
