//! Ceremonies of passkeys (W3C Web Authentication, Level 3): what an authenticator is asked to sign, and whether what it says is
//! right.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

use super::{
    ceremony_state::{LIFETIME, Purpose, State, UnusedCeremony, open, seal},
    passkey_bytes::{is_of_own_page, is_registration, is_use},
    totp::SecondFactorKeys,
};
use crate::{config::Config, crypto::random_bytes, error::Error};

/// What a page needs to ask the authenticator.
#[derive(Debug, Serialize)]
pub struct Begun {
    /// The state, which comes back with the answer.
    pub ceremony: String,
    /// `PublicKeyCredentialCreationOptions` or `PublicKeyCredentialRequestOptions` as JSON.
    #[serde(rename = "publicKey")]
    pub options: Value,
}

/// An authenticator's answer as the page sends it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The state of [`Begun`].
    pub ceremony: String,
    /// The credential as JSON.
    pub credential: String,
}

impl Answer {
    /// Reads it as forms bring it: JSON with `ceremony` and `credential`.
    pub fn read(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            ceremony: String,
            #[serde(borrow)]
            credential: &'a RawValue,
        }
        let Fields { ceremony, credential } = serde_json::from_str(text).ok()?;
        Some(Self { ceremony, credential: credential.get().to_owned() })
    }
}

/// A passkey that was made.
#[derive(Debug)]
pub struct Registered {
    pub(super) credential_id: String,
    pub(super) user_handle: String,
    pub(super) credential: String,
    pub(super) sign_count: i64,
    pub(super) backup_eligible: bool,
    pub(super) backed_up: bool,
}

/// A passkey with what its signatures are checked with.
#[derive(Debug, Clone, diesel::Queryable)]
pub struct StoredPasskey {
    /// The id.
    pub id: i64,
    /// Whose it is.
    pub user_id: i64,
    /// What the user calls it.
    pub name: String,
    /// Hex of the number by which authenticators know the user.
    pub user_handle: String,
    /// JSON of the library.
    pub credential: String,
    /// How often it had signed.
    pub sign_count: i64,
}

/// What the use of a passkey changes.
#[derive(Debug)]
pub struct Used {
    pub(super) credential: String,
    pub(super) sign_count: i64,
    pub(super) backup_eligible: bool,
    pub(super) backed_up: bool,
}

/// Whether an answer is right.
#[derive(Debug)]
pub enum Check {
    /// It is.
    Right(Used),
    /// The signature is right, but the authenticator has signed more often than this one says: there are two of it.
    Cloned,
    /// It is not.
    Wrong,
}

/// Makes ceremonies for one host.
pub struct Ceremonies {
    library: Webauthn,
    rp_id: String,
}

impl Ceremonies {
    /// Those of a site; `None`: it can have no passkeys.
    pub fn new(config: &Config) -> Option<Self> {
        let host = config.server.passkey_host()?;
        let library = WebauthnBuilder::new(host, &config.server.base_url).ok()?;
        let library =
            library.rp_name(config.site.name_or(host)).timeout(Duration::from_secs(LIFETIME.unsigned_abs()));
        Some(Self { library: library.build().ok()?, rp_id: host.to_owned() })
    }

    /// The host that passkeys are for.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// Begins to make a passkey for a user, in the session with this id. `known`: the identifiers of those that there are, and the number by which
    /// authenticators know the user.
    ///
    /// # Errors
    /// [`Error::Internal`] when there are no random numbers.
    pub fn begin_registration(
        &self,
        keys: &SecondFactorKeys,
        session: &str,
        (email, name): (&str, &str),
        known: (Vec<String>, Option<String>),
    ) -> Result<Begun, Error> {
        let (excluded, handle) = known;
        let handle = handle.and_then(|hex| Uuid::parse_str(&hex).ok());
        let handle = handle.map_or_else(|| random_bytes::<16>().map(Uuid::from_bytes), Ok)?;
        let (options, inner) =
            self.library.start_passkey_registration(handle, email, name, None).map_err(Error::internal)?;
        let mut options = serde_json::to_value(options.public_key).map_err(Error::internal)?;
        // So that it can be used without typing an address. The library asks for less.
        options["authenticatorSelection"]["residentKey"] = json!("required");
        options["authenticatorSelection"]["requireResidentKey"] = json!(true);
        options["excludeCredentials"] = descriptors(&excluded);
        let purpose = Purpose::Add(session.to_owned());
        let user_handle = Some(handle.simple().to_string());
        Ok(Begun { ceremony: seal(keys, &State::new(purpose, user_handle, inner))?, options })
    }

    /// Completes it. `None`: the answer is wrong, of another ceremony, or too late.
    pub fn finish_registration(
        &self,
        keys: &SecondFactorKeys,
        session: &str,
        answer: &Answer,
    ) -> Option<(UnusedCeremony, Registered)> {
        let purpose = Purpose::Add(session.to_owned());
        let (unused, state) = open::<PasskeyRegistration>(keys, &purpose, &answer.ceremony)?;
        let made: RegisterPublicKeyCredential = serde_json::from_str(&answer.credential).ok()?;
        let said = &made.response;
        if !is_of_own_page(&said.client_data_json) || !is_registration(&said.attestation_object) {
            return None;
        }
        let passkey = self.library.finish_passkey_registration(&made, &state.inner);
        let passkey = passkey.inspect_err(log_refusal).ok()?;
        let credential = serde_json::to_string(&passkey).ok()?;
        let details = Credential::from(passkey);
        let registered = Registered {
            credential_id: base64url(&details.cred_id),
            user_handle: state.user_handle?,
            credential,
            sign_count: details.counter.into(),
            backup_eligible: details.backup_eligible,
            backed_up: details.backup_state,
        };
        Some((unused, registered))
    }

    /// Begins to ask for a passkey. `allowed`: the identifiers of those that are asked for; none: the authenticator knows which.
    ///
    /// # Errors
    /// [`Error::Internal`] when there are no random numbers.
    pub fn begin_use(
        &self,
        keys: &SecondFactorKeys,
        purpose: Purpose,
        allowed: &[String],
    ) -> Result<Begun, Error> {
        let (options, inner) = self.library.start_discoverable_authentication().map_err(Error::internal)?;
        let mut options = serde_json::to_value(options.public_key).map_err(Error::internal)?;
        options["allowCredentials"] = descriptors(allowed);
        Ok(Begun { ceremony: seal(keys, &State::new(purpose, None, inner))?, options })
    }

    /// Reads an answer. `None`: it is none, of another ceremony, or too late.
    pub fn read_use(&self, keys: &SecondFactorKeys, purpose: &Purpose, answer: &Answer) -> Option<ReadUse> {
        let (unused, state) = open::<DiscoverableAuthentication>(keys, purpose, &answer.ceremony)?;
        let credential: PublicKeyCredential = serde_json::from_str(&answer.credential).ok()?;
        Some(ReadUse { unused, state: state.inner, credential })
    }

    /// Whether an answer was signed with the passkey that it names.
    pub fn check_use(&self, read: ReadUse, stored: &StoredPasskey) -> Check {
        let Ok(mut passkey) = serde_json::from_str::<Passkey>(&stored.credential) else {
            return Check::Wrong;
        };
        let said = &read.credential.response;
        if !is_of_own_page(&said.client_data_json) || !is_use(&said.authenticator_data) {
            return Check::Wrong;
        }
        // Some authenticators leave it out where they were told which passkeys are asked for.
        let handle = said.user_handle.as_deref();
        if handle.is_some_and(|handle| hex::encode(handle) != stored.user_handle) {
            return Check::Wrong;
        }
        let checked =
            self.library.finish_discoverable_authentication_v2(&read.credential, read.state, &passkey);
        match checked {
            Ok(result) => {
                passkey.update_credential(&result);
                let Ok(credential) = serde_json::to_string(&passkey) else { return Check::Wrong };
                let details = Credential::from(passkey);
                Check::Right(Used {
                    credential,
                    sign_count: details.counter.into(),
                    backup_eligible: details.backup_eligible,
                    backed_up: details.backup_state,
                })
            }
            Err(WebauthnError::CredentialPossibleCompromise) => Check::Cloned,
            Err(error) => {
                log_refusal(&error);
                Check::Wrong
            }
        }
    }
}

/// An answer that was read and not checked yet.
pub struct ReadUse {
    unused: UnusedCeremony,
    state: DiscoverableAuthentication,
    credential: PublicKeyCredential,
}

impl ReadUse {
    /// Base64url of the identifier of the passkey that it names.
    pub fn credential_id(&self) -> String {
        base64url(&self.credential.raw_id)
    }

    /// Whether it says which user it is of.
    pub fn names_user(&self) -> bool {
        self.credential.response.user_handle.is_some()
    }

    /// The ceremony that it completes.
    pub fn ceremony(&self) -> UnusedCeremony {
        self.unused.clone()
    }
}

fn descriptors(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({ "type": "public-key", "id": id })).collect()
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn log_refusal(error: &WebauthnError) {
    tracing::debug!(?error, "what an authenticator says is refused");
}
