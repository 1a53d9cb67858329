//! Events as CSV records (RFC 4180).

use csv::{QuoteStyle, Terminator, WriterBuilder};
use time::format_description::well_known::Rfc3339;

use super::rows::{EventUser, UserNames};
use crate::{error::Error, events::StoredEvent};

/// The fields of one record.
pub(super) type Record = [String; 14];

/// The header line.
pub(super) fn header() -> Record {
    [
        "id",
        "time",
        "kind",
        "user_id",
        "user_name",
        "user_email",
        "actor_id",
        "actor_name",
        "actor_email",
        "session_id",
        "ip",
        "user_agent",
        "detail",
        "note",
    ]
    .map(str::to_owned)
}

/// The record of an event.
pub(super) fn record(event: &StoredEvent, names: &UserNames) -> Record {
    let [user_id, user_name, user_email] = user_fields(names.get(event.user_id));
    let [actor_id, actor_name, actor_email] = user_fields(names.get(event.actor_id));
    let text = |value: &Option<String>| without_formula(value.clone().unwrap_or_default());
    [
        event.id.to_string(),
        event.at.assume_utc().format(&Rfc3339).unwrap_or_default(),
        event.kind.name().to_owned(),
        user_id,
        user_name,
        user_email,
        actor_id,
        actor_name,
        actor_email,
        text(&event.session_id),
        text(&event.ip),
        text(&event.user_agent),
        text(&event.detail),
        text(&event.note),
    ]
}

/// Id, name and address; empty texts where there is no user or the account has been deleted.
fn user_fields(user: Option<EventUser>) -> [String; 3] {
    let id = user.as_ref().map(|user| user.id.to_string()).unwrap_or_default();
    let (name, email) = user.and_then(|user| user.account).unwrap_or_default();
    [id, without_formula(name), without_formula(email)]
}

/// The value with an apostrophe in front where a spreadsheet would evaluate it as a formula (OWASP, CSV injection).
fn without_formula(value: String) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{value}")
    } else {
        value
    }
}

/// The records as text. A field is quoted where it holds a comma, a quote, a line break, a semicolon or a tab: spreadsheets
/// split lines at the last two as well, and what follows could be a formula.
///
/// # Errors
/// None that a caller can cause: the text is written to memory.
pub(super) fn to_text<const N: usize>(records: &[[String; N]]) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    for records in records.chunk_by(|one, next| has_tab(one) == has_tab(next)) {
        // The crate quotes a comment character wherever it stands, but knows only one: for a tab it quotes the whole record.
        let style = if has_tab(&records[0]) { QuoteStyle::Always } else { QuoteStyle::Necessary };
        let mut writer = WriterBuilder::new()
            .quote_style(style)
            .comment(Some(b';'))
            .terminator(Terminator::CRLF)
            .from_writer(&mut text);
        for record in records {
            writer.write_record(record).map_err(Error::internal)?;
        }
        writer.flush().map_err(Error::internal)?;
    }
    Ok(text)
}

fn has_tab(record: &[String]) -> bool {
    record.iter().any(|field| field.contains('\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(records: &[[&str; 2]]) -> String {
        let records: Vec<[String; 2]> =
            records.iter().map(|record| record.map(|value| without_formula(value.to_owned()))).collect();
        String::from_utf8(to_text(&records).unwrap()).unwrap()
    }

    #[test]
    fn csv_field_is_quoted_and_no_formula() {
        for (value, written) in [
            ("", "1,\r\n"),
            ("Ada", "1,Ada\r\n"),
            ("a, \"b\"\nc", "1,\"a, \"\"b\"\"\nc\"\r\n"),
            ("a;b", "1,\"a;b\"\r\n"),
            ("=1+1", "1,'=1+1\r\n"),
            ("@SUM(A1,A2)", "1,\"'@SUM(A1,A2)\"\r\n"),
            ("-x", "1,'-x\r\n"),
            ("\rx", "1,\"'\rx\"\r\n"),
            ("a=1", "1,a=1\r\n"),
        ] {
            assert_eq!(text_of(&[["1", value]]), written, "{value:?}");
        }
    }

    #[test]
    fn csv_record_with_tab_is_quoted_whole() {
        let text = text_of(&[["1", "a"], ["2", "\tx"], ["3", "b"]]);
        assert_eq!(text, "1,a\r\n\"2\",\"'\tx\"\r\n3,b\r\n");
    }

    #[test]
    fn csv_header_names_every_field() {
        let header = String::from_utf8(to_text(&[header()]).unwrap()).unwrap();
        assert_eq!(
            header,
            "id,time,kind,user_id,user_name,user_email,actor_id,actor_name,actor_email,session_id,ip,user_agent,detail,note\r\n"
        );
    }
}
