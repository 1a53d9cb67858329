//! Authenticator apps: codes of six digits that change every 30 seconds (TOTP, RFC 6238, with SHA-1, which all apps know). The key is
//! encrypted at rest.

use actix_web::cookie::Key;
use diesel::prelude::*;
use sha2::{Digest as _, Sha256};
use time::PrimitiveDateTime;
use totp_rs::{Builder, Secret, Totp};

use crate::{
    clock::{now, unix_now},
    config::SessionSecret,
    db::{DbConnection, schema::authenticators},
    error::Error,
    web::sealed,
};

/// Bytes of a key: as long as the hash (RFC 4226 §4).
const KEY_BYTES: usize = 20;

/// Seconds for which a code is shown.
const STEP: u64 = 30;

/// The key of an authenticator app.
pub struct TotpKey([u8; KEY_BYTES]);

impl TotpKey {
    /// The key as people type it into the app: base32 in groups of four.
    pub fn as_text(&self) -> String {
        let text = self.secret().to_base32();
        text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }

    /// The address that a QR code holds.
    pub fn address(&self, site: &str, account: &str) -> String {
        let (site, account) = (percent(site), percent(account));
        format!("otpauth://totp/{site}:{account}?secret={}&issuer={site}", self.secret().to_base32())
    }

    /// The step whose code this is: now, or one before or after (RFC 6238 §5.2).
    pub fn step_of(&self, code: &str) -> Result<Option<i64>, Error> {
        let seconds = u64::try_from(unix_now()).map_err(Error::internal)?;
        let step = self.totp()?.check(code, seconds);
        step.map(|step| i64::try_from(step).map_err(Error::internal)).transpose()
    }

    fn secret(&self) -> Secret {
        Secret::from(self.0)
    }

    fn totp(&self) -> Result<Totp, Error> {
        let builder =
            Builder::new().with_secret(self.secret()).with_digits(6).with_skew(1).with_step_duration(STEP);
        builder.build().map_err(|error| Error::internal(error.to_string()))
    }
}

/// Escapes all but letters and digits.
fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Makes keys, and encrypts what belongs to second factors, with keys of `SESSION_SECRET`: a copy of the database signs nobody in.
pub struct SecondFactorKeys {
    /// The newest first.
    sealing: Vec<Key>,
    making: [u8; 32],
}

impl SecondFactorKeys {
    /// Those of this site.
    pub fn new(secret: &SessionSecret) -> Self {
        let sealing = secret.all_derived("authenticator key");
        Self {
            sealing: sealing.iter().map(|derived| Key::derive_from(derived)).collect(),
            making: secret.derived("new authenticator key"),
        }
    }

    /// The key that a user is offered in a session, until something is changed that raises the epoch. It is made anew each time, so
    /// that nothing is stored before it is known that the app has it.
    pub fn offered(&self, user: i64, session: &str, epoch: i64) -> TotpKey {
        let hash = Sha256::new_with_prefix(self.making).chain_update(format!("{user} {epoch} {session}"));
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&hash.finalize()[..KEY_BYTES]);
        TotpKey(key)
    }

    /// Encrypts a text with the newest secret. Under another name it isn't opened.
    ///
    /// # Errors
    /// [`Error::Internal`] when the operating system has no random numbers.
    pub fn seal(&self, name: &str, text: &str) -> Result<String, Error> {
        let newest = self.sealing.first().ok_or_else(|| Error::bug("there is no secret"))?;
        sealed::seal(newest, name, text).ok_or_else(|| Error::bug("a text was not encrypted"))
    }

    /// The text that was encrypted under this name with one of the secrets.
    pub fn open(&self, name: &str, sealed: &str) -> Option<String> {
        self.sealing.iter().find_map(|secret| sealed::open(secret, name, sealed))
    }

    /// Whether something may have been encrypted with an older secret.
    pub fn has_older(&self) -> bool {
        self.sealing.len() > 1
    }

    fn seal_key(&self, user: i64, key: &TotpKey) -> Result<String, Error> {
        self.seal(&name(user), &hex::encode(key.0))
    }

    /// The key, and whether it was encrypted with the newest secret.
    fn open_key(&self, user: i64, sealed: &str) -> Option<(TotpKey, bool)> {
        let mut key = [0; KEY_BYTES];
        hex::decode_to_slice(self.open(&name(user), sealed)?, &mut key).ok()?;
        let newest = self.sealing.first()?;
        Some((TotpKey(key), sealed::open(newest, &name(user), sealed).is_some()))
    }
}

/// What a key is encrypted under: in another user's row it is not opened.
fn name(user: i64) -> String {
    format!("gatehouse-authenticator-{user}")
}

/// Stores the key of an app that has shown the code of this step, in place of an earlier one.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn store(
    conn: &mut DbConnection,
    keys: &SecondFactorKeys,
    user: i64,
    key: &TotpKey,
    step: i64,
) -> Result<(), Error> {
    remove(conn, user)?;
    diesel::insert_into(authenticators::table)
        .values((
            authenticators::user_id.eq(user),
            authenticators::sealed_key.eq(keys.seal_key(user, key)?),
            authenticators::last_step.eq(step),
            authenticators::created_at.eq(now()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Since when the user has an authenticator app.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn since(conn: &mut DbConnection, user: i64) -> Result<Option<PrimitiveDateTime>, Error> {
    Ok(authenticators::table.find(user).select(authenticators::created_at).first(conn).optional()?)
}

/// Uses up the code that the user's app shows. `false`: it is wrong, or it or a later one was used before (ASVS 6.5.1).
///
/// # Errors
/// [`Error::Internal`] when no secret of this site opens the key; [`Error`] when the database fails.
pub fn use_code(
    conn: &mut DbConnection,
    keys: &SecondFactorKeys,
    user: i64,
    code: &str,
) -> Result<bool, Error> {
    let stored: Option<String> =
        authenticators::table.find(user).select(authenticators::sealed_key).first(conn).optional()?;
    let Some(stored) = stored else { return Ok(false) };
    let (key, _) = keys.open_key(user, &stored).ok_or_else(unreadable)?;
    let Some(step) = key.step_of(code)? else { return Ok(false) };
    let unused = authenticators::table.find(user).filter(authenticators::last_step.lt(step));
    Ok(diesel::update(unused).set(authenticators::last_step.eq(step)).execute(conn)? == 1)
}

fn unreadable() -> Error {
    Error::internal(
        "the key of an authenticator app was encrypted with a SESSION_SECRET that is not given any more; \
         `gatehouse user reset-second-factor` removes it",
    )
}

/// Forgets the user's authenticator app.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn remove(conn: &mut DbConnection, user: i64) -> Result<(), Error> {
    diesel::delete(authenticators::table.find(user)).execute(conn)?;
    Ok(())
}

/// Encrypts anew what was encrypted with an older secret, so that that can be left out: at most `limit` keys of the users after
/// `after`. Returns the last of them; `None`: there are no more.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn encrypt_anew(
    conn: &mut DbConnection,
    keys: &SecondFactorKeys,
    after: i64,
    limit: i64,
) -> Result<Option<i64>, Error> {
    let rows: Vec<(i64, String)> = authenticators::table
        .filter(authenticators::user_id.gt(after))
        .order(authenticators::user_id)
        .limit(limit)
        .select((authenticators::user_id, authenticators::sealed_key))
        .load(conn)?;
    for (user, text) in &rows {
        if let Some((key, false)) = keys.open_key(*user, text) {
            let same = authenticators::table.find(user).filter(authenticators::sealed_key.eq(text));
            diesel::update(same)
                .set(authenticators::sealed_key.eq(keys.seal_key(*user, &key)?))
                .execute(conn)?;
        }
    }
    Ok(rows.last().map(|(user, _)| *user))
}

#[cfg(test)]
pub(super) fn keys_for_tests() -> SecondFactorKeys {
    SecondFactorKeys { sealing: vec![Key::generate()], making: [7; 32] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(sealing: Vec<Key>) -> SecondFactorKeys {
        SecondFactorKeys { sealing, making: [7; 32] }
    }

    #[test]
    fn totp_codes_are_those_of_rfc_6238() {
        let key = TotpKey(*b"12345678901234567890");
        let totp = key.totp().unwrap();
        // Appendix B has eight digits; six are the last of them.
        for (time, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(totp.check(code, time), Some(time / STEP), "{time}");
            assert_eq!(totp.check(code, time + STEP), Some(time / STEP), "one step late");
            assert_eq!(totp.check(code, time + 2 * STEP), None, "two steps late");
        }
    }

    #[test]
    fn totp_keys_open_for_their_user_with_any_secret_of_the_site() {
        let (old, new) = (Key::generate(), Key::generate());
        let before = keys(vec![old.clone()]);
        let key = before.offered(7, "session", 1);
        let text = before.seal_key(7, &key).unwrap();
        let both = keys(vec![new.clone(), old]);
        let (opened, is_newest) = both.open_key(7, &text).unwrap();
        assert_eq!((opened.0, is_newest), (key.0, false));
        assert!(both.open_key(8, &text).is_none());
        assert!(keys(vec![new]).open_key(7, &text).is_none());
        assert!(both.open_key(7, &both.seal_key(7, &opened).unwrap()).unwrap().1);
    }

    #[test]
    fn totp_key_offered_is_of_user_session_and_epoch() {
        let keys = keys(vec![Key::generate()]);
        let key = keys.offered(7, "session", 1).0;
        assert_eq!(keys.offered(7, "session", 1).0, key);
        for other in
            [keys.offered(8, "session", 1), keys.offered(7, "other", 1), keys.offered(7, "session", 2)]
        {
            assert_ne!(other.0, key);
        }
    }

    #[test]
    fn totp_address_escapes_names() {
        let key = TotpKey(*b"12345678901234567890");
        assert_eq!(key.as_text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(
            key.address("Ada & Söhne", "ada+1@example.org"),
            "otpauth://totp/Ada%20%26%20S%C3%B6hne:ada%2B1%40example%2Eorg\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Ada%20%26%20S%C3%B6hne"
        );
    }
}
