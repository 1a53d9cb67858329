//! Runs axe-core (WCAG 2.2 and good practice) in Chromium; the tests in `tour` run it on every page.
//!
//! `npm` fetches the script from its registry once, into `target/`. Without npm the checks are skipped with a message.

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

use crate::support::*;

const VERSION: &str = "4.14.1";
/// SHA-256 of `axe.min.js` in that version.
const SHA256: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// The script; `None` without npm.
static AXE: LazyLock<Option<Arc<str>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let kept = folder.join(format!("axe-core-{VERSION}.min.js"));
    if !kept.exists() {
        if Command::new("npm").arg("--version").output().is_err() {
            // Written past the test's output capture, so that a skipped check is not taken for a passed one.
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
        "{} has an unexpected SHA-256",
        kept.display()
    );
    Some(script.into())
});

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the violations that axe reports on the browser's current page; `None` without npm.
pub async fn violations(browser: &Browser) -> Option<Vec<String>> {
    let axe = tokio::task::spawn_blocking(|| AXE.clone()).await.unwrap()?;
    // The page's Content-Security-Policy does not apply to WebDriver's scripts.
    browser.client().execute(&axe, Vec::new()).await.unwrap();
    let found = browser.client().execute_async(
        "const [options, done] = arguments;
         axe.run(document, options).then(({ violations }) => done(violations.flatMap(({ id, help, nodes }) =>
           nodes.map(({ html, failureSummary }) => `${id}: ${help}\n    ${html}\n    ${failureSummary}`))),
           (error) => done([`axe failed: ${error}`]));",
        vec![json!({ "resultTypes": ["violations"], "rules": { "target-size": { "enabled": true } } })],
    );
    let Value::Array(found) = found.await.unwrap() else { panic!("axe returned no list") };
    Some(found.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect())
}

/// Asserts that axe reports no violation on the browser's current page.
pub async fn assert_accessible(browser: &Browser, page: &str) {
    if let Some(found) = violations(browser).await {
        assert!(found.is_empty(), "{page}:\n  {}", found.join("\n  "));
    }
}

#[actix_web::test]
async fn axe_reports_missing_label_and_low_contrast() {
    let app = TestApp::start(Stack::Sqlite).await;
    let browser = Browser::open(&app).await;
    browser.goto("/login").await;
    assert_accessible(&browser, "the sign-in page").await;
    browser.ask("document.querySelector('label[for=email]').remove()").await;
    browser.ask("document.querySelector('h1').style.color = '#ccc'").await;
    if let Some(found) = violations(&browser).await {
        let rules: Vec<_> = found.iter().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(rules, ["color-contrast", "label"]);
    }
}
