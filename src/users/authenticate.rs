//! Authentication with address and password.

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

/// The active user with that address and password, or `None`. The result does not tell which of them was wrong, and an
/// unknown address takes as long as a known one. A hash with weaker parameters than today's is replaced.
///
/// # Errors
/// [`Error::Busy`] when too many passwords wait to be checked; [`Error::Unavailable`] when the database does not answer.
pub async fn authenticate(
    db: &Db,
    passwords: &Passwords,
    email: &str,
    password: String,
    client: &Client,
) -> Result<Option<User>, Error> {
    let address = email.to_owned();
    let user = db.run(move |conn| User::by_email(conn, &address)).await?;
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
