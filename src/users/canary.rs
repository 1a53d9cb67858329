//! The account that `gatehouse drill` signs in. It is nobody's: no mail reaches its address, and no password fits it.

/// The address, as it is compared. The domain exists nowhere (RFC 2606 §2), so nobody gets a link to choose a password.
pub const ADDRESS: &str = "drill@canary.invalid";

/// The name, as lists show it.
pub const NAME: &str = "Drill canary";

/// A PHC string with today's parameters, so that a sign-in takes as long as any other. Its salt and its hash are zeros: nobody can
/// find a password that has this hash.
pub const NO_PASSWORD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
