//! The account that `gatehouse drill` signs in. It is nobody's: no mail reaches its address, and no password fits it.

/// The address, as it is compared. The domain exists nowhere (RFC 2606 §2), so nobody gets a link to choose a password.
pub const ADDRESS: &str = "drill@canary.invalid";

/// The name, as lists show it.
pub const NAME: &str = "Drill canary";
