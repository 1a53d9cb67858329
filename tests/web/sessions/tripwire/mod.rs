//! The tripwire: keys that lead nowhere and are presented by somebody else are told of, and an old tab of the same browser is not.

mod copies;
mod ending;
mod flood;
mod quiet;
mod told;
mod ways;
