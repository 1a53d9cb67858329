//! Replays with curl what the tutorials that Gatehouse grew out of tell their readers to type. Differences: the passwords are ones that
//! pass (theirs, `password` and `password123`, are refused as too easy to guess), a field for the same password once more is left
//! out, `/protected` is `/auth/me` and the page `/members`, and signing out answers 204.

use std::{path::PathBuf, process::Stdio};

use tempfile::TempDir;

use crate::support::*;

/// A terminal with curl and a cookie jar.
struct Terminal {
    folder: TempDir,
    site: String,
}

impl Terminal {
    fn new(app: &TestApp) -> Self {
        Self { folder: TempDir::new().unwrap(), site: app.url("").trim_end_matches('/').to_owned() }
    }

    fn jar(&self) -> PathBuf {
        self.folder.path().join("cookies.txt")
    }

    /// Runs a line; returns the status and the body. `$SITE` and `$TOKEN` are replaced as a shell does.
    async fn run(&self, line: &str, token: &str) -> (u16, serde_json::Value) {
        let line = line.replace("$SITE", &self.site).replace("$TOKEN", token);
        let script = format!("curl -sS -o body.json -w '%{{http_code}}' --noproxy '*' {line}");
        let mut shell = tokio::process::Command::new("sh");
        shell.args(["-c", &script]).current_dir(self.folder.path()).stdin(Stdio::null());
        let output = shell.output().await.unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        let status = String::from_utf8(output.stdout).unwrap().parse().unwrap();
        let body = std::fs::read_to_string(self.folder.path().join("body.json")).unwrap_or_default();
        let _ = std::fs::remove_file(self.folder.path().join("body.json"));
        // What is no JSON is a page.
        let body = serde_json::from_str(&body).unwrap_or(serde_json::Value::String(body));
        (status, body)
    }

    async fn expect(&self, line: &str, status: u16) -> serde_json::Value {
        let (found, body) = self.run(line, "").await;
        assert_eq!(found, status, "{line}: {body}");
        body
    }
}

/// The lines of `docs/curl.md`, with the status that stands behind each.
fn documented() -> Vec<(String, u16)> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/curl.md")).unwrap();
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.strip_prefix("curl "));
    lines
        .map(|line| {
            let (line, status) = line.rsplit_once(" # ").unwrap_or_else(|| panic!("{line}: no status"));
            (line.to_owned(), status.split(' ').next().unwrap().parse().unwrap())
        })
        .collect()
}

on_both_stacks!(curl_replays_documented_lines, |stack| async {
    let app = TestApp::start(stack).await;
    let terminal = Terminal::new(&app);
    let lines = documented();
    assert!(lines.len() >= 15, "{lines:?}");
    let mut token = String::new();
    for (line, status) in lines {
        let (found, body) = terminal.run(&line, &token).await;
        assert_eq!(found, status, "{line}: {body}");
        if let Some(new) = body["token"].as_str() {
            new.clone_into(&mut token);
        }
    }
});

// The guide with Express and Redis: 401, 200, 204, 401.
on_both_stacks!(curl_replays_sessions_guide, |stack| async {
    let app = TestApp::start(stack).await;
    let terminal = Terminal::new(&app);
    let (ada, _) = app.person("Ada Lovelace").await;
    let login = format!(
        "-c cookies.txt -X POST $SITE/auth/login -H 'Content-Type: application/json' -d '{}'",
        ada.credentials()
    );
    terminal.expect("-b cookies.txt $SITE/auth/me", 401).await;
    terminal.expect(&login, 200).await;
    let me = terminal.expect("-b cookies.txt $SITE/auth/me", 200).await;
    assert_eq!(me["user"]["email"], ada.email);
    let jar = std::fs::read_to_string(terminal.jar()).unwrap();
    assert!(jar.contains("#HttpOnly_") && jar.contains(COOKIE), "{jar}");
    terminal.expect("-b cookies.txt -c cookies.txt -X POST $SITE/auth/logout", 204).await;
    terminal.expect("-b cookies.txt $SITE/auth/me", 401).await;
    assert!(!std::fs::read_to_string(terminal.jar()).unwrap().contains(COOKIE));
});

// The tutorial with Passport: bodies as forms.
on_both_stacks!(curl_replays_forms, |stack| async {
    let app = TestApp::start(stack).await;
    let terminal = Terminal::new(&app);
    let body = format!("name=ada&email=ada@example.com&password={PASSWORD}");
    terminal.expect(&format!("-X POST $SITE/auth/register -d '{body}'"), 201).await;
    terminal.expect(&format!("-X POST $SITE/auth/register -d '{body}'"), 409).await;
    let body = format!("email=ada@example.com&password={PASSWORD}");
    terminal.expect("$SITE/auth/me", 401).await;
    terminal.expect("$SITE/members", 303).await;
    terminal.expect("$SITE/members -H 'Accept: application/json'", 401).await;
    terminal.expect(&format!("-c cookies.txt -X POST $SITE/auth/login -d '{body}'"), 200).await;
    terminal.expect("-b cookies.txt $SITE/auth/me", 200).await;
    let page = terminal.expect("-b cookies.txt $SITE/members", 200).await;
    assert!(page.as_str().unwrap().contains("ada@example.com"), "{page}");
});

// The full guide: JSON, the profile, rotation, the session.
on_both_stacks!(curl_replays_full_guide, |stack| async {
    let app = TestApp::start(stack).await;
    let terminal = Terminal::new(&app);
    let json = "-H 'Content-Type: application/json'";
    let new = format!(r#"{{"name":"John Doe","email":"john@example.com","password":"{PASSWORD}"}}"#);
    terminal.expect(&format!("-X POST $SITE/auth/register {json} -d '{new}' -c cookies.txt"), 201).await;
    assert_eq!(terminal.expect("$SITE/auth/session", 200).await["authenticated"], false);
    let session = terminal.expect("$SITE/auth/session -b cookies.txt", 200).await;
    assert_eq!(session["email"], "john@example.com");
    terminal.expect("$SITE/auth/profile -b cookies.txt", 200).await;
    let name = r#"{"name":"John Smith"}"#;
    let profile = format!("-X PUT $SITE/auth/profile {json} -d '{name}' -b cookies.txt");
    assert_eq!(terminal.expect(&profile, 200).await["user"]["name"], "John Smith");
    let before = std::fs::read_to_string(terminal.jar()).unwrap();
    let rotated =
        terminal.expect("-X POST $SITE/auth/rotate-session -b cookies.txt -c cookies.txt", 200).await;
    assert_eq!(rotated["session_id"], session["session_id"]);
    assert_ne!(std::fs::read_to_string(terminal.jar()).unwrap(), before);
    terminal.expect("$SITE/auth/me -b cookies.txt", 200).await;
    terminal.expect("-X POST $SITE/auth/logout -b cookies.txt", 204).await;
    terminal.expect("$SITE/auth/me -b cookies.txt", 401).await;
});
