//! `/admin/events.csv`: the security log as a file (RFC 4180), with the filter of its page.

use std::fmt::Write as _;

use actix_web::{
    HttpResponse,
    http::header::{ContentDisposition, DispositionParam, DispositionType},
    web::{self, Bytes},
};
use futures_util::stream;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    filter::EventFields,
    list,
    rows::{People, Person},
};
use crate::{
    db::{Db, DbConnection},
    error::Error,
    events::{StoredEvent, log},
    layout::Layout,
    sessions::{Administrator, catalogue::rights},
};

/// Entries that are read at once.
const CHUNK: i64 = 1_000;

const HEAD: &str = "id,time,kind,user_id,user_name,user_email,actor_id,actor_name,actor_email,\
    session_id,ip,user_agent,detail\r\n";

/// A file under way: nothing of the database is held while the client reads what it has.
struct File {
    db: web::Data<Db>,
    filter: log::Filter,
    /// The session that asked.
    session: String,
    /// The number of the last entry so far.
    before: Option<i64>,
    next: Next,
}

enum Next {
    Ready(Bytes),
    Read,
    Nothing,
}

/// `GET /admin/events.csv`
pub async fn download(
    db: web::Data<Db>,
    layout: Layout,
    admin: Administrator,
    query: web::Query<EventFields>,
) -> Result<HttpResponse, Error> {
    let fields = query.into_inner();
    let filter = match fields.read() {
        Ok((filter, _)) => filter,
        Err(errors) => return Ok(list::refused(layout, fields, errors)),
    };
    let session = admin.session.id.clone();
    let mut file = File { db, filter, session, before: None, next: Next::Read };
    // The first part before the status: a database that is away is a 503.
    let first = file.read().await?.unwrap_or_default();
    file.next = Next::Ready([HEAD.as_bytes(), &first].concat().into());
    let name = format!("gatehouse-events-{}.csv", OffsetDateTime::now_utc().date());
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header(disposition)
        .streaming(stream::try_unfold(file, File::part)))
}

impl File {
    /// The next part. After an error the connection is cut off before the end of the body, so that half a file
    /// is never taken for a whole one.
    async fn part(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        match std::mem::replace(&mut self.next, Next::Read) {
            Next::Ready(bytes) => {
                self.next = if self.before.is_none() { Next::Nothing } else { Next::Read };
                Ok(Some((bytes, self)))
            }
            Next::Nothing => Ok(None),
            Next::Read => match self.read().await {
                Ok(part) => Ok(part.map(|bytes| (bytes, self))),
                Err(error) => {
                    tracing::warn!(error = ?error.causes(), "a file of events was cut off");
                    Err(error)
                }
            },
        }
    }

    /// The next entries as text; none after the last. A session that ended meanwhile gets no more, nor does
    /// somebody who is no administrator any more.
    async fn read(&mut self) -> Result<Option<Bytes>, Error> {
        let (filter, before, session) = (self.filter.clone(), self.before, self.session.clone());
        let db = self.db.with_long_timeout();
        let read = db.run(move |conn| {
            rights::check_administrator(conn, &session)?;
            let entries = log::page(conn, &filter, before, CHUNK)?;
            Ok((lines(conn, &entries)?, entries.last().map(|last| last.id)))
        });
        let (text, last) = read.await?;
        self.before = last;
        Ok(last.map(|_| text.into()))
    }
}

fn lines(conn: &mut DbConnection, entries: &[StoredEvent]) -> Result<String, Error> {
    let people = People::of(conn, entries)?;
    let mut text = String::new();
    for entry in entries {
        line(&mut text, entry, people.get(entry.user_id), people.get(entry.actor_id));
    }
    Ok(text)
}

fn line(text: &mut String, entry: &StoredEvent, user: Option<Person>, actor: Option<Person>) {
    let at = entry.at.assume_utc().format(&Rfc3339).unwrap_or_default();
    let _ = write!(text, "{},{at},{}", entry.id, entry.kind.name());
    for person in [user, actor] {
        let id = person.as_ref().map(|person| person.id.to_string()).unwrap_or_default();
        let (name, email) = person.and_then(|person| person.account).unwrap_or_default();
        let _ = write!(text, ",{id}");
        field(text, &name);
        field(text, &email);
    }
    for value in [&entry.session_id, &entry.ip, &entry.user_agent, &entry.detail] {
        field(text, value.as_deref().unwrap_or_default());
    }
    text.push_str("\r\n");
}

/// A comma and the value, in quotes where it needs them. What a spreadsheet would take for a formula gets an
/// apostrophe in front (OWASP, CSV injection).
fn field(text: &mut String, value: &str) {
    text.push(',');
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let mark = if formula { "'" } else { "" };
    if value.contains([',', '"', '\r', '\n', ';', '\t']) {
        let _ = write!(text, "\"{mark}{}\"", value.replace('"', "\"\""));
    } else {
        let _ = write!(text, "{mark}{value}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn csv_values_are_quoted_and_never_formulas() {
        for (value, written) in [
            ("", ","),
            ("Ada", ",Ada"),
            ("a, \"b\"\nc", ",\"a, \"\"b\"\"\nc\""),
            ("=1+1", ",'=1+1"),
            ("@SUM(A1,A2)", ",\"'@SUM(A1,A2)\""),
            ("-x", ",'-x"),
            ("\tx", ",\"'\tx\""),
            ("\rx", ",\"'\rx\""),
            ("a=1", ",a=1"),
        ] {
            let mut text = String::new();
            super::field(&mut text, value);
            assert_eq!(text, written, "{value:?}");
        }
    }
}
