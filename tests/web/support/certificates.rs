//! Certificates of an authority that a test makes.

use std::{fs, path::Path, process::Command};

/// Makes an authority, `ca.pem`, and a certificate for 127.0.0.1 by it: `cert.pem` and `key.pem`.
pub fn make(folder: &Path) {
    make_for(folder, "IP:127.0.0.1");
}

/// The same for other names, in the words of openssl: `DNS:login.example.org,DNS:app.example.org`.
pub fn make_for(folder: &Path, names: &str) {
    let extensions = format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n");
    fs::write(folder.join("names"), extensions).unwrap();
    for line in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=server -keyout key.pem -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
    ] {
        let done = Command::new("openssl").args(line.split(' ')).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
