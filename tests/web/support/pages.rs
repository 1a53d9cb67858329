//! Lists in pages.

use super::{Answer, Client};

impl Client {
    /// A list from this page to its end, page by page.
    pub async fn all_pages(&self, first: &str) -> Vec<Answer> {
        let mut pages = Vec::new();
        let mut next = Some(first.to_owned());
        while let Some(path) = next {
            let page = self.get(&path).await.expect(200);
            next = page.attributes("nav.pages a[rel=next]", "href").pop();
            pages.push(page);
        }
        pages
    }
}
