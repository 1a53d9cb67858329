//! Tools for pages: forms and their errors, lists, times, charts, cookies, event streams.

pub mod accept;
pub mod assets;
pub mod chart;
pub mod compressed;
pub mod cookies;
pub mod flash;
mod form;
mod html;
mod list;
mod moment;
mod number;
mod paging;
pub mod query;
mod query_fields;
mod reader_zone;
mod request_id;
mod route_pattern;
pub mod sealed;
mod sent_form;
pub mod sse;

pub use cookies::SiteCookie;
pub use form::{FieldErrors, Form, FormFields, checkbox, lines};
pub use html::{form_page, form_page_later, html};
pub use list::{Chip, ListAddress, NO_SUCH_PAGE, cursor};
pub use moment::{Moment, rfc3339};
pub use number::{grouped, grouped_count};
pub use paging::{Page, ROWS_TO_READ};
pub use query_fields::Query;
pub use reader_zone::ReaderZone;
pub use request_id::{REQUEST_ID, RequestId, trace_id};
pub use route_pattern::RoutePattern;
pub use sent_form::{CONFIRM_CODE, CONFIRM_PASSKEY, CONFIRM_PASSWORD, SentForm, decode, read_body};
