//! Whether `PAGES_DIR` has a page where people can land after signing in: the `index.html` of the folder.

use std::{path::Path, time::Duration};

use actix_web::web::{Data, block};

use super::folder;
use crate::config::{Config, Home};

/// How soon a page that appears or goes is noticed. It is looked for beside the requests, since a folder of the network may hang.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks for the page, before the first request.
pub fn look(config: &Config) {
    if let Some(pages) = pages(config) {
        let has_page = has_first_page(pages);
        config.server.home.set_has_pages(has_page);
        if !has_page {
            log(has_page);
        }
    }
}

/// Looks for it again and again.
pub async fn watch(config: Data<Config>) {
    let Some(pages) = pages(&config) else { return };
    let home: &Home = &config.server.home;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let pages = pages.to_owned();
        if let Ok(has_page) = block(move || has_first_page(&pages)).await
            && home.set_has_pages(has_page)
        {
            log(has_page);
        }
    }
}

/// The folder, if it matters to where people land.
fn pages(config: &Config) -> Option<&Path> {
    config.server.pages_dir.as_deref().filter(|_| config.server.home.may_be_pages())
}

fn has_first_page(pages: &Path) -> bool {
    let is_admin = false;
    folder::find(pages, "", is_admin).is_ok()
}

fn log(has_page: bool) {
    if has_page {
        tracing::info!("people land at /pages/ after signing in");
    } else {
        tracing::info!(
            "PAGES_DIR has no index.html that everybody may read: people land at /profile after signing in"
        );
    }
}
