//! Tests the limits on guessing, on bursts, and on what one account adds to the security log.

mod address_mails;
mod browsers;
mod bursts;
mod guessing;
mod instances;
mod outage;
mod own_account;
