//! Tests mail: what is sent, what becomes of it when servers refuse, hang or die, and the links in it.

mod address_races;
mod addresses;
mod confirmation_required;
mod delivery;
mod forgotten;
mod killed;
mod letters;
mod links;
mod new_browsers;
mod notices;
mod tls;
