//! Argon2id (OWASP Password Storage Cheat Sheet, NIST SP 800-63B-4 §3.1.1): PHC strings are made and compared.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, PasswordHash, Salt},
};

use crate::{error::Error, text::opaque_string};

/// A hash that no password has, with the parameters of new ones, so that checking it takes as long: salt and hash are zeros, and nobody
/// can find a password that has this hash.
pub const NO_PASSWORD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The result of checking a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Wrong password, or no user with that address.
    Wrong,
    /// Right, and hashed with the current parameters.
    Right,
    /// Right; the new hash replaces one with weaker parameters.
    RightRehashed(String),
}

/// Argon2id with m=19456 KiB, t=2, p=1; keeps its memory between calls.
#[derive(Default)]
pub(super) struct Hasher {
    memory: Vec<Block>,
}

impl Hasher {
    /// Whether it keeps memory.
    pub(super) fn has_memory(&self) -> bool {
        !self.memory.is_empty()
    }

    /// Gives the memory back.
    pub(super) fn free_memory(&mut self) {
        self.memory = Vec::new();
    }

    /// Hashes a password with a new salt.
    pub(super) fn hash(&mut self, password: &str) -> Result<String, Error> {
        let salt = Salt::generate();
        let params = Params::DEFAULT;
        let hash = self.compute(Algorithm::Argon2id, Version::V0x13, params.clone(), password, &salt)?;
        Ok(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: (&params).try_into().map_err(Error::internal)?,
            salt: Some(salt),
            hash: Some(hash),
        }
        .to_string())
    }

    /// Checks the password in the form in which passwords are compared, and as typed where that differs. It depends on the password
    /// alone whether there are two checks: they tell nothing about the account.
    pub(super) fn verify_either(&mut self, password: &str, hash: &str) -> Result<Verdict, Error> {
        let opaque = opaque_string(password);
        let verdict = self.verify(&opaque, hash)?;
        if opaque == password {
            return Ok(verdict);
        }
        match (verdict, self.verify(password, hash)?) {
            (Verdict::Wrong, Verdict::Wrong) => Ok(Verdict::Wrong),
            (Verdict::Wrong, _) => Ok(Verdict::RightRehashed(self.hash(&opaque)?)),
            (verdict, _) => Ok(verdict),
        }
    }

    fn verify(&mut self, password: &str, hash: &str) -> Result<Verdict, Error> {
        let hash = PasswordHash::new(hash).map_err(Error::internal)?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(Error::internal)?;
        let version = hash.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(Error::internal)?;
        let params = Params::try_from(&hash).map_err(Error::internal)?;
        let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
            return Err(Error::bug("a stored hash lacks its salt or output"));
        };
        let is_weaker = algorithm != Algorithm::Argon2id
            || params.m_cost() < Params::DEFAULT_M_COST
            || params.t_cost() < Params::DEFAULT_T_COST;
        // `Output` compares in constant time.
        if self.compute(algorithm, version, params, password, &salt)? != expected {
            return Ok(Verdict::Wrong);
        }
        if is_weaker { Ok(Verdict::RightRehashed(self.hash(password)?)) } else { Ok(Verdict::Right) }
    }

    fn compute(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: Params,
        password: &str,
        salt: &Salt,
    ) -> Result<Output, Error> {
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::default());
        }
        let argon2 = Argon2::new(algorithm, version, params);
        let memory = &mut self.memory[..blocks];
        let mut output = vec![0; length];
        argon2
            .hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory)
            .map_err(|error| Error::internal(error.to_string()))?;
        Output::new(&output).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_hash_of_none_has_the_parameters_of_new_ones() {
        let mut hasher = Hasher::default();
        let (none, new) = (NO_PASSWORD, hasher.hash("correct horse").unwrap());
        let parameters = |hash: &str| hash.rsplitn(3, '$').last().unwrap().to_owned();
        assert_eq!((parameters(none), none.len()), (parameters(&new), new.len()));
        assert_eq!(hasher.verify("correct horse", none).unwrap(), Verdict::Wrong);
    }

    #[test]
    fn password_hash_is_salted_phc_string() {
        let hash = Hasher::default().hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, Hasher::default().hash("correct horse").unwrap(), "salted");
    }

    #[test]
    fn password_verify_compares_whole_password() {
        let mut hasher = Hasher::default();
        let long = format!("{}x", "correct horse battery staple ".repeat(4));
        let hash = hasher.hash(&long).unwrap();
        assert_eq!(hasher.verify(&long, &hash).unwrap(), Verdict::Right);
        let mut other = long.clone();
        other.pop();
        other.push('y');
        for wrong in [other, long.to_uppercase(), format!(" {long}"), format!("{long} ")] {
            assert_eq!(hasher.verify(&wrong, &hash).unwrap(), Verdict::Wrong);
        }
    }

    #[test]
    fn password_hash_of_raw_value_fits_and_is_replaced() {
        let mut hasher = Hasher::default();
        let (composed, decomposed) = ("h\u{f6}lle-anchor-93", "ho\u{308}lle-anchor-93");
        let hash = hasher.hash(composed).unwrap();
        assert_eq!(hasher.verify_either(composed, &hash).unwrap(), Verdict::Right);
        assert_eq!(hasher.verify_either(decomposed, &hash).unwrap(), Verdict::Right);
        let raw = hasher.hash(decomposed).unwrap();
        let Verdict::RightRehashed(new) = hasher.verify_either(decomposed, &raw).unwrap() else {
            panic!("not rehashed");
        };
        assert_eq!(hasher.verify_either(composed, &new).unwrap(), Verdict::Right);
        assert_eq!(hasher.verify_either("holle-anchor-93", &raw).unwrap(), Verdict::Wrong);
    }

    #[test]
    fn password_verify_rehashes_weak_parameters() {
        let mut hasher = Hasher::default();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
        let hash = argon2::PasswordHasher::hash_password(&weak, b"correct horse").unwrap().to_string();
        let Verdict::RightRehashed(new) = hasher.verify("correct horse", &hash).unwrap() else {
            panic!("not rehashed");
        };
        assert_eq!(hasher.verify("correct horse", &new).unwrap(), Verdict::Right);
        assert_eq!(hasher.verify("wrong", &hash).unwrap(), Verdict::Wrong);
    }
}
