//! Authentication with a password.

use diesel::prelude::*;

use super::{
    password::{Passwords, Verdict},
    user::User,
};
use crate::{
    db::{Db, schema::users},
    error::Error,
    security::Client,
};

/// The user that an address has, if the account is active and the password is theirs. The result does not tell what was wrong, and an
/// address that nobody has takes as long as one that somebody has. A hash with weaker parameters than today's is replaced.
///
/// # Errors
/// [`Error::Busy`] when too many passwords wait to be checked; [`Error::Unavailable`] when the database does not answer.
pub async fn authenticate(
    db: &Db,
    passwords: &Passwords,
    user: Option<User>,
    password: String,
    client: &Client,
) -> Result<Option<User>, Error> {
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let verdict = passwords.verify(password, hash, Some(client)).await?;
    let Some(user) = user.filter(|user| user.active) else {
        return Ok(None);
    };
    match verdict {
        Verdict::Wrong => Ok(None),
        Verdict::Right => Ok(Some(user)),
        Verdict::RightRehashed(hash) => {
            let (id, old_hash) = (user.id, user.password_hash.clone());
            db.run(move |conn| {
                let unchanged =
                    users::table.filter(users::id.eq(id)).filter(users::password_hash.eq(old_hash));
                Ok(diesel::update(unchanged).set(users::password_hash.eq(hash)).execute(conn)?)
            })
            .await?;
            Ok(Some(user))
        }
    }
}
