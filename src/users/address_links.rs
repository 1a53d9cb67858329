//! Reading and using one-time links about addresses.

use diesel::prelude::*;
use time::PrimitiveDateTime;

use super::{address::Address, address_tokens::AddressPurpose, user::User};
use crate::{
    clock::now,
    crypto::sha256_hex,
    db::{
        DbConnection,
        schema::{tokens, users},
    },
    error::Error,
};

/// A link about an address that is valid.
pub struct AddressLink {
    /// Whose it is.
    pub user: User,
    /// The address that it proves or gives back.
    pub address: Address,
    made_at: PrimitiveDateTime,
}

/// What a token is good for: its user is active, it has not expired, and where it proves an address, the account has that
/// address or waits for it.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find(
    conn: &mut DbConnection,
    token: &str,
    purpose: AddressPurpose,
) -> Result<Option<AddressLink>, Error> {
    let row: Option<(User, String, Option<String>, PrimitiveDateTime)> = tokens::table
        .inner_join(users::table)
        .filter(tokens::token_hash.eq(sha256_hex(token)))
        .filter(tokens::purpose.eq(purpose))
        .filter(tokens::expires_at.gt(now()))
        .filter(users::active)
        .select((users::all_columns, tokens::email.assume_not_null(), tokens::email_key, tokens::created_at))
        .first(conn)
        .optional()?;
    let link = row.and_then(|(user, email, key, made_at)| {
        let address = match key {
            Some(key) => Address { shown: email, key },
            // The address of an account from before may be one that is not taken any more.
            None if email == user.email => Address { shown: email, key: user.email_key.clone() },
            None => Address::parse(&email)?,
        };
        Some(AddressLink { user, address, made_at })
    });
    let is_awaited = |link: &AddressLink| {
        let (user, email) = (&link.user, &link.address.shown);
        *email == user.email || user.pending_email.as_ref() == Some(email)
    };
    Ok(link.filter(|link| purpose == AddressPurpose::Undo || is_awaited(link)))
}

impl AddressLink {
    /// Whether it proves an address that is to take the place of the account's.
    pub fn changes_address(&self) -> bool {
        self.address.shown != self.user.email
    }

    /// Uses a link up that proves an address.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn use_up(&self, conn: &mut DbConnection) -> Result<(), Error> {
        let same = tokens::table.filter(tokens::user_id.eq(self.user.id));
        let same = same.filter(tokens::email.eq(&self.address.shown));
        diesel::delete(same.filter(tokens::purpose.eq(AddressPurpose::Confirm))).execute(conn)?;
        Ok(())
    }

    /// Uses a link up that gives an address back, and all that were made since: they would give back what came after it.
    ///
    /// # Errors
    /// [`Error`] when the database fails.
    pub fn use_up_with_later_ones(&self, conn: &mut DbConnection) -> Result<(), Error> {
        let later = tokens::table.filter(tokens::user_id.eq(self.user.id));
        let later = later.filter(tokens::created_at.ge(self.made_at));
        diesel::delete(later.filter(tokens::purpose.eq(AddressPurpose::Undo))).execute(conn)?;
        Ok(())
    }
}
