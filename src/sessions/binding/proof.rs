//! Reads and checks what browsers sign: a JSON Web Token (RFC 7519) of one algorithm, ES256. It is read strictly: what is unknown, there
//! twice or too large is refused, since a proof that means something else to somebody else is none.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// Largest proof, in bytes.
const MAX_BYTES: usize = 4 * 1024;
/// Bytes of a coordinate of a point on P-256.
const COORDINATE: usize = 32;
/// What an uncompressed point begins with (SEC 1 §2.3.3).
const UNCOMPRESSED: u8 = 4;

/// A proof whose signature was not checked yet.
#[derive(Debug)]
pub(super) struct Proof<'a> {
    /// The part that is signed.
    signed: &'a str,
    signature: Vec<u8>,
    /// The key that is to be registered.
    pub(super) key: Option<PublicKey>,
    /// The challenge.
    pub(super) challenge: String,
    /// What a registration was authorized by.
    pub(super) authorization: Option<String>,
}

/// A public key on P-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey(Vec<u8>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    jwk: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    jti: String,
    authorization: Option<String>,
}

impl<'a> Proof<'a> {
    /// Reads a proof; `None` when it is malformed, or made in another way than browsers are asked for.
    pub(super) fn read(token: &'a str) -> Option<Self> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = object(&decoded(header)?)?;
        if header.alg != "ES256" || header.typ != "dbsc+jwt" {
            return None;
        }
        let payload: Payload = object(&decoded(payload)?)?;
        let key = match header.jwk {
            Some(jwk) => Some(PublicKey::of(&object(jwk.get().as_bytes())?)?),
            None => None,
        };
        let signature = decoded(signature)?;
        Some(Self { signed, signature, key, challenge: payload.jti, authorization: payload.authorization })
    }

    /// Whether the key has signed it.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key.0);
        key.verify(self.signed.as_bytes(), &self.signature).is_ok()
    }
}

impl PublicKey {
    fn of(jwk: &Jwk) -> Option<Self> {
        let coordinate = |text: &str| decoded(text).filter(|bytes| bytes.len() == COORDINATE);
        let (x, y) = (coordinate(&jwk.x)?, coordinate(&jwk.y)?);
        (jwk.kty == "EC" && jwk.crv == "P-256").then(|| Self([vec![UNCOMPRESSED], x, y].concat()))
    }

    /// The key as the catalogue has it.
    pub(super) fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The key that the catalogue has; `None` when that is none.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        decoded(text).map(Self)
    }
}

/// The bytes of a text in URL-safe base64 without padding; each has one text alone.
fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A JSON object with these members: a list of their values, which the reader of a struct takes too, is none.
fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn signing_key() -> SigningKey {
        SigningKey::from_slice(&[7; 32]).unwrap()
    }

    fn jwk() -> Value {
        let point = signing_key().verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(COORDINATE);
        json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    fn key() -> PublicKey {
        PublicKey::of(&serde_json::from_value(jwk()).unwrap()).unwrap()
    }

    fn token(header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature: Signature = signing_key().sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn good() -> String {
        let header = json!({"alg": "ES256", "jwk": jwk(), "typ": "dbsc+jwt"}).to_string();
        token(&header, &json!({"jti": "abc", "authorization": "S1"}).to_string())
    }

    #[test]
    fn proof_that_browsers_send_is_read() {
        let text = good();
        let proof = Proof::read(&text).unwrap();
        assert_eq!((proof.challenge.as_str(), proof.authorization.as_deref()), ("abc", Some("S1")));
        assert_eq!(proof.key.as_ref().map(PublicKey::to_text), Some(key().to_text()));
        assert!(proof.is_signed_by(&PublicKey::from_text(&key().to_text()).unwrap()));
        assert!(!proof.is_signed_by(&PublicKey(vec![UNCOMPRESSED; 65])));
        assert!(!proof.is_signed_by(&PublicKey(Vec::new())));
        let later = token(r#"{"alg":"ES256","typ":"dbsc+jwt"}"#, r#"{"jti":"abc"}"#);
        assert!(Proof::read(&later).unwrap().is_signed_by(&key()));
    }

    /// The name of a member, known or not.
    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            prop_oneof![Just("alg"), Just("typ"), Just("jwk"), Just("jti"), Just("authorization")]
                .prop_map(str::to_owned),
            "[a-z]{0,3}",
        ]
    }

    /// The value of one, as JSON.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => Just("\"ES256\"".to_owned()),
            4 => Just("\"dbsc+jwt\"".to_owned()),
            1 => Just("null".to_owned()),
            1 => Just("[\"ES256\"]".to_owned()),
            1 => Just(jwk().to_string()),
            1 => "[\\[\\]{}\":,0-9a-z]{0,12}",
        ]
    }

    proptest! {
        #[test]
        fn proof_reader_never_panics(text in "[A-Za-z0-9_.=-]{0,300}", other in "\\PC{0,100}") {
            let _ = (Proof::read(&text), Proof::read(&other));
        }

        #[test]
        fn proof_is_read_with_known_members_alone(
            header in proptest::collection::vec((name(), value()), 0..4),
            payload in proptest::collection::vec((name(), value()), 0..3),
        ) {
            let object = |members: &[(String, String)]| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            };
            let text = token(&object(&header), &object(&payload));
            if let Some(proof) = Proof::read(&text) {
                let names = |members: &[(String, String)], wanted: &[&str]| {
                    let mut names: Vec<_> = members.iter().map(|(name, _)| name.clone()).collect();
                    names.sort();
                    names.dedup();
                    names.len() == members.len() && names.iter().all(|name| wanted.contains(&name.as_str()))
                };
                prop_assert!(names(&header, &["alg", "typ", "jwk"]), "{:?}", header);
                prop_assert!(names(&payload, &["jti", "authorization"]), "{:?}", payload);
                let has = |name: &str, value: &str| {
                    header.iter().any(|member| *member == (name.to_owned(), value.to_owned()))
                };
                prop_assert!(has("alg", "\"ES256\"") && has("typ", "\"dbsc+jwt\""), "{:?}", header);
                prop_assert!(proof.is_signed_by(&key()));
            }
        }

        #[test]
        fn proof_that_was_changed_is_not_signed(at in 0_usize..10_000, letter in "[A-Za-z0-9_.=-]") {
            let good = good();
            let at = at % good.len();
            let changed = format!("{}{letter}{}", &good[..at], &good[at + 1..]);
            if changed != good {
                let is_taken = Proof::read(&changed).is_some_and(|proof| proof.is_signed_by(&key()));
                prop_assert!(!is_taken, "{}", changed);
            }
        }
    }
}
