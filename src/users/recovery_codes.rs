//! Recovery codes: ten that a user keeps for the day on which the authenticator app is lost. Each works once. They have 120 random
//! bits, so a fast hash is enough (ASVS 6.5.2).

use diesel::prelude::*;

use crate::{
    crypto::{random_bytes, sha256_hex},
    db::{DbConnection, schema::recovery_codes},
    error::Error,
};

/// How many a user is given.
const COUNT: usize = 10;

/// Letters and digits that can't be taken for one another.
const ALPHABET: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz0";

/// Characters of a code, and of each of its groups.
const LENGTH: usize = 24;
const GROUP: usize = 6;

/// Makes ten codes in place of those that the user has. They are not shown again.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn replace(conn: &mut DbConnection, user: i64) -> Result<Vec<String>, Error> {
    remove(conn, user)?;
    let codes = (0..COUNT).map(|_| code()).collect::<Result<Vec<String>, Error>>()?;
    let rows: Vec<_> = codes
        .iter()
        .map(|code| (recovery_codes::code_hash.eq(hash(code)), recovery_codes::user_id.eq(user)))
        .collect();
    for row in rows {
        diesel::insert_into(recovery_codes::table).values(row).execute(conn)?;
    }
    Ok(codes)
}

/// Uses up a code; `false`: it is none of the user's.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn use_code(conn: &mut DbConnection, user: i64, code: &str) -> Result<bool, Error> {
    let theirs = recovery_codes::table.find(hash(code)).filter(recovery_codes::user_id.eq(user));
    Ok(diesel::delete(theirs).execute(conn)? == 1)
}

/// How many codes the user has left.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn left(conn: &mut DbConnection, user: i64) -> Result<i64, Error> {
    Ok(recovery_codes::table.filter(recovery_codes::user_id.eq(user)).count().get_result(conn)?)
}

/// Makes all codes of the user void.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn remove(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user))).execute(conn)?;
    Ok(())
}

/// Whether a text has the form of a recovery code, however it is typed.
pub fn is_code(text: &str) -> bool {
    let typed = typed(text);
    typed.len() == LENGTH && typed.bytes().all(|byte| ALPHABET.contains(&byte))
}

fn code() -> Result<String, Error> {
    let random = random_bytes::<LENGTH>()?;
    let characters: String =
        random.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect();
    Ok(characters.as_bytes().chunks(GROUP).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-"))
}

/// What counts of a code: case, spaces and hyphens don't.
fn typed(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .flat_map(char::to_lowercase)
        .collect()
}

fn hash(code: &str) -> String {
    sha256_hex(typed(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_code_is_read_however_it_is_typed() {
        let code = code().unwrap();
        assert_eq!(code.len(), LENGTH + 3, "{code}");
        for typed in
            [code.to_uppercase(), code.replace('-', ""), code.replace('-', " "), format!(" {code}\t")]
        {
            assert!(is_code(&typed), "{typed:?}");
            assert_eq!(hash(&typed), hash(&code));
        }
        for other in ["", "123456", &code[1..], &format!("{code}2"), &code.replace('-', "l")] {
            assert!(!is_code(other), "{other:?}");
        }
    }
}
