//! `/admin/events.csv`: the security log as a file, with the filter of its page.

use actix_web::{
    HttpResponse,
    http::header::{ContentDisposition, DispositionParam, DispositionType},
    web::{self, Bytes},
};
use futures_util::stream;

use super::{
    csv_record::{Record, header, record, to_text},
    filter::EventFields,
    list,
    rows::UserNames,
};
use crate::{
    clock::now_utc,
    db::{Db, DbConnection},
    error::Error,
    events::log,
    layout::Layout,
    sessions::{Administrator, catalogue::rights::AdminRights},
    web::{Query, ReaderZone},
};

/// Events that are read at once.
const BATCH_SIZE: i64 = 1_000;

/// A download in progress. It holds no database connection while the client reads.
struct Download {
    db: web::Data<Db>,
    filter: log::Filter,
    /// Of the administrator who downloads.
    rights: AdminRights,
    /// The id of the last event that was read; `None` before the first batch and after the last.
    last_id: Option<i64>,
    next: NextPart,
}

/// What is sent next.
enum NextPart {
    /// Bytes that were read already.
    Ready(Bytes),
    /// The next batch, which is read when the client takes it.
    Batch,
    /// Nothing: the file is complete.
    End,
}

/// `GET /admin/events.csv`
///
/// # Errors
/// [`Error::Unavailable`] when the database can't be read.
pub async fn download(
    db: web::Data<Db>,
    layout: Layout,
    admin: Administrator,
    ReaderZone(zone): ReaderZone,
    query: Query<EventFields>,
) -> Result<HttpResponse, Error> {
    let fields = query.into_inner();
    let filter = match fields.read(&zone) {
        Ok((filter, _)) => filter,
        Err(errors) => return Ok(list::refused(layout, zone, fields, errors)),
    };
    let rights = admin.rights();
    let mut download = Download { db, filter, rights, last_id: None, next: NextPart::Batch };
    // The first batch is read before the status is sent, so that an unavailable database answers 503.
    let first = download.read_batch().await?.unwrap_or_default();
    download.next = NextPart::Ready([to_text(&[header()])?, first].concat().into());
    let name = format!("events-{}.csv", now_utc().date());
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8; header=present")
        .insert_header(disposition)
        .streaming(stream::try_unfold(download, Download::next_part)))
}

impl Download {
    /// The next part of the body. An error aborts the connection before the end of the body, so that the client can't
    /// mistake a part of the file for all of it.
    async fn next_part(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        match std::mem::replace(&mut self.next, NextPart::Batch) {
            NextPart::Ready(bytes) => {
                self.next = if self.last_id.is_none() { NextPart::End } else { NextPart::Batch };
                Ok(Some((bytes, self)))
            }
            NextPart::End => Ok(None),
            NextPart::Batch => match self.read_batch().await {
                Ok(batch) => Ok(batch.map(|text| (text.into(), self))),
                Err(error) => {
                    tracing::warn!(error = ?error.causes(), "a file of events was cut off");
                    Err(error)
                }
            },
        }
    }

    /// The next events as text; `None` after the last.
    async fn read_batch(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let batch = read(&self.db, &self.filter, self.last_id, &self.rights).await?;
        self.last_id = batch.last_id;
        Ok(batch.last_id.map(|_| batch.text))
    }
}

/// Events that were read at once.
struct Batch {
    /// Their records.
    text: Vec<u8>,
    /// The id of the last; `None`: there were no more events.
    last_id: Option<i64>,
}

/// Reads the next events that match, below the id `before`. Fails when the session has ended or has lost its rights.
async fn read(
    db: &Db,
    filter: &log::Filter,
    before: Option<i64>,
    rights: &AdminRights,
) -> Result<Batch, Error> {
    let (filter, rights) = (filter.clone(), rights.clone());
    let read = move |conn: &mut DbConnection| {
        rights.check(conn)?;
        let events = log::page(conn, &filter, before, BATCH_SIZE)?;
        let names = UserNames::of_events(conn, &events)?;
        let records: Vec<Record> = events.iter().map(|event| record(event, &names)).collect();
        Ok(Batch { text: to_text(&records)?, last_id: events.last().map(|event| event.id) })
    };
    db.with_long_timeout().run(read).await
}
