//! Accounts: signing in and out, registering, the profile, recovery, the first administrator, and what administrators change about
//! other people's accounts. `service` has the operations as methods of [`Accounts`]; `pages` are their forms.

mod actor;
mod address_letters;
mod administer;
mod changes;
mod deletion;
mod directory;
mod disown;
mod email_change;
mod email_links;
mod export;
mod export_records;
mod forgotten;
mod letters;
mod limits;
mod link_requests;
mod notices;
pub mod pages;
mod password_again;
mod password_links;
mod second_factor;
mod second_step;
mod service;
pub mod setup;
mod sign_in;
mod sign_in_counts;
mod sign_up;
mod sign_up_by_mail;

pub use actor::Actor;
pub use administer::Change;
pub use changes::OwnEnd;
pub use deletion::Deletion;
pub use directory::ListedUser;
pub use email_change::EmailChange;
pub use email_links::{EmailConfirmed, EmailGivenBack};
pub use export::{Export, Recorded};
pub use password_again::Proof;
pub use password_links::{Link, NewInvitation};
pub use second_factor::SecondFactors;
pub use second_step::SecondStep;
pub use service::Accounts;
pub use sign_in::{Credentials, SignIn};
pub use sign_up::{NewAccount, SignUp};
