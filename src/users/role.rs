//! The roles of users.

use crate::db::text_enum;

text_enum! {
    /// What a user may do. A role that this version does not know has the least rights.
    pub enum Role {
        /// Signs in, sees their own pages and sessions.
        User => "user",
        /// Sees and ends everyone's sessions too.
        Admin => "admin",
    } else User
}
