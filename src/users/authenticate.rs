//! The proof of who somebody is: address and password.

use diesel::prelude::*;

use super::{
    password::{Passwords, Verdict},
    user::User,
};
use crate::{
    db::{Db, schema::users},
    error::Error,
};

/// The active account that address and password belong to, or `None`: nothing says which of them was wrong,
/// and an unknown address takes as long.
pub async fn authenticate(
    db: &Db,
    passwords: &Passwords,
    email: &str,
    password: String,
) -> Result<Option<User>, Error> {
    let address = email.to_owned();
    let user = db.run(move |conn| User::by_email(conn, &address)).await?;
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let verdict = passwords.verify(password, hash).await?;
    let Some(user) = user.filter(|user| user.active) else {
        return Ok(None);
    };
    match verdict {
        Verdict::Wrong => Ok(None),
        Verdict::Right => Ok(Some(user)),
        Verdict::RightRehashed(hash) => {
            let (id, old) = (user.id, user.password_hash.clone());
            db.run(move |conn| {
                let same = users::table.filter(users::id.eq(id)).filter(users::password_hash.eq(old));
                Ok(diesel::update(same).set(users::password_hash.eq(hash)).execute(conn)?)
            })
            .await?;
            Ok(Some(user))
        }
    }
}
