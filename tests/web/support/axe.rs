//! axe-core in Chromium: what it can find of violations of WCAG 2.2 and of good practice.
//!
//! The script is downloaded once from the npm registry with `npm` into `target/`. Without npm its checks are skipped,
//! with a message on standard error.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::Command,
    sync::{Arc, LazyLock},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::browser::Browser;

const VERSION: &str = "4.14.1";
/// Of `axe.min.js` in that version.
const SHA256: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// The script; none without npm.
static AXE: LazyLock<Option<Arc<str>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let kept = folder.join(format!("axe-core-{VERSION}.min.js"));
    if !kept.exists() {
        if Command::new("npm").arg("--version").output().is_err() {
            // Written past the capture of the test's output: a skipped check must not look like one that passed.
            let _ = writeln!(std::io::stderr(), "SKIPPED: the checks of axe-core; they need npm to fetch it");
            return None;
        }
        let unpacked = TempDir::new_in(folder).unwrap();
        run(unpacked.path(), "npm", &["pack", "--silent", &format!("axe-core@{VERSION}")]);
        run(unpacked.path(), "tar", &["-xzf", &format!("axe-core-{VERSION}.tgz"), "package/axe.min.js"]);
        fs::rename(unpacked.path().join("package/axe.min.js"), &kept).unwrap();
    }
    let script = fs::read_to_string(&kept).unwrap();
    assert_eq!(
        format!("{:x}", Sha256::digest(script.as_bytes())),
        SHA256,
        "{} is not the one we know",
        kept.display()
    );
    Some(script.into())
});

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The violations that axe finds on the page that a browser shows; none without npm.
pub async fn violations(browser: &Browser) -> Option<Vec<String>> {
    let axe = tokio::task::spawn_blocking(|| AXE.clone()).await.unwrap()?;
    // The page's content security policy does not apply to WebDriver's scripts.
    browser.client().execute(&axe, Vec::new()).await.unwrap();
    let found = browser.client().execute_async(
        "const [options, done] = arguments;
         axe.run(document, options).then(({ violations }) => done(violations.flatMap(({ id, help, nodes }) =>
           nodes.map(({ html, failureSummary }) => `${id}: ${help}\n    ${html}\n    ${failureSummary}`))),
           (error) => done([`axe failed: ${error}`]));",
        vec![json!({ "resultTypes": ["violations"], "rules": { "target-size": { "enabled": true } } })],
    );
    let Value::Array(found) = found.await.unwrap() else { panic!("axe answered nothing") };
    Some(found.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect())
}

/// Asserts that axe finds nothing on the page that a browser shows.
pub async fn assert_accessible(browser: &Browser, page: &str) {
    if let Some(found) = violations(browser).await {
        assert!(found.is_empty(), "{page}:\n  {}", found.join("\n  "));
    }
}
