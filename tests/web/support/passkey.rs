//! A software authenticator for passkeys, which does what the test wants: it signs with P-256 as browsers have it signed, and lies where
//! it is told to. It knows nothing of the code under test.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Answer, Client, TestApp};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;

/// A passkey, and what its authenticator says.
#[derive(Clone)]
pub struct SoftPasskey {
    key: SigningKey,
    pub id: Vec<u8>,
    pub user_handle: Vec<u8>,
    pub origin: String,
    pub rp_id: String,
    /// How often it has signed; it counts on from here.
    pub counter: u32,
    pub verifies_user: bool,
    pub is_synced: bool,
    /// What the browser says beside challenge and origin.
    pub embedding: Value,
    /// What stands behind the authenticator data.
    pub behind: Vec<u8>,
}

/// Base64url, as all of WebAuthn's JSON has it.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl SoftPasskey {
    /// A new key for the site as it knows itself.
    pub fn new(app: &TestApp) -> Self {
        let random = Sha256::digest(format!("{:?}", std::time::Instant::now())).to_vec();
        Self {
            key: SigningKey::from_slice(&random).unwrap(),
            id: Sha256::digest(&random).to_vec(),
            user_handle: Vec::new(),
            origin: format!("http://localhost:{}", app.addr().port()),
            rp_id: "localhost".to_owned(),
            counter: 0,
            verifies_user: true,
            is_synced: false,
            embedding: json!({ "crossOrigin": false }),
            behind: Vec::new(),
        }
    }

    /// What claims to be this passkey and has another key.
    pub fn forged(&self, app: &TestApp) -> Self {
        Self { key: Self::new(app).key, ..self.clone() }
    }

    /// Adds a new one for whoever is signed in. Returns it with the page that answers.
    pub async fn added(app: &TestApp, client: &Client, name: &str) -> (Self, Answer) {
        let mut passkey = Self::new(app);
        let begun = options(client, "/security/passkeys/options").await.expect(200).json();
        let said = passkey.create(&begun);
        let answer = client.post("/security/passkeys", &[("name", name), ("passkey", &said)]).await;
        (passkey, answer)
    }

    /// What the page sends of a new passkey.
    pub fn create(&mut self, begun: &Value) -> String {
        let options = &begun["publicKey"];
        let handle = options["user"]["id"].as_str().unwrap();
        self.user_handle = URL_SAFE_NO_PAD.decode(handle).unwrap();
        let client_data = self.client_data("webauthn.create", options);
        let mut data = self.authenticator_data(HAS_CREDENTIAL);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose_key());
        data.extend(&self.behind);
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        said(
            begun,
            json!({
                "id": base64url(&self.id), "rawId": base64url(&self.id), "type": "public-key",
                "clientExtensionResults": {}, "authenticatorAttachment": "platform",
                "response": { "clientDataJSON": base64url(client_data), "attestationObject": base64url(object), "transports": ["internal"] },
            }),
        )
    }

    /// What the page sends of a use.
    pub fn get(&mut self, begun: &Value) -> String {
        said(begun, self.assertion(begun))
    }

    /// The credential of a use, as `PublicKeyCredential.toJSON` has it.
    pub fn assertion(&mut self, begun: &Value) -> Value {
        if self.counter > 0 {
            self.counter += 1;
        }
        let client_data = self.client_data("webauthn.get", &begun["publicKey"]);
        let mut data = self.authenticator_data(0);
        data.extend(&self.behind);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(&client_data));
        let signature: Signature = self.key.sign(&signed);
        json!({
            "id": base64url(&self.id), "rawId": base64url(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url(client_data), "authenticatorData": base64url(data),
                "signature": base64url(signature.to_der()), "userHandle": base64url(&self.user_handle),
            },
        })
    }

    /// Signs in with it alone.
    pub async fn sign_in(&mut self, client: &Client) -> Answer {
        let begun = options(client, "/login/passkey/options").await.expect(200).json();
        let body = self.sign_in_body(&begun);
        send(client, "/login/passkey", &body).await
    }

    /// What `/login/passkey` takes.
    pub fn sign_in_body(&mut self, begun: &Value) -> Value {
        json!({ "ceremony": begun["ceremony"], "credential": self.assertion(begun) })
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        let mut data = json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin });
        data.as_object_mut().unwrap().extend(self.embedding.as_object().unwrap().clone());
        data.to_string()
    }

    fn authenticator_data(&self, more: u8) -> Vec<u8> {
        let verified = if self.verifies_user { USER_VERIFIED } else { 0 };
        let synced = if self.is_synced { BACKUP_ELIGIBLE | BACKED_UP } else { 0 };
        let mut data = Sha256::digest(&self.rp_id).to_vec();
        data.push(USER_PRESENT | verified | synced | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// {1: 2, 3: -7, -1: 1, -2: x, -3: y} (RFC 9053)
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x, b"\x22\x58\x20", y].concat()
    }
}

fn said(begun: &Value, credential: Value) -> String {
    json!({ "ceremony": begun["ceremony"], "credential": credential }).to_string()
}

/// Asks what the authenticator is asked.
pub async fn options(client: &Client, path: &str) -> Answer {
    send(client, path, &json!({})).await
}

/// A call of the site's own script.
pub async fn send(client: &Client, path: &str, body: &Value) -> Answer {
    client.send_json(Method::POST, path, body).await
}
