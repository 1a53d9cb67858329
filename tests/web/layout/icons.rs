//! Tests the icons and the manifest, of the product and of a site with a picture of its own.

use reqwest::Method;

use super::own_site::OwnFiles;
use crate::support::*;

/// The paths of the icons, with their media types.
const ICONS: [(&str, &str); 4] = [
    ("/favicon.ico", "image/x-icon"),
    ("/apple-touch-icon.png", "image/png"),
    ("/icon-192.png", "image/png"),
    ("/icon-512.png", "image/png"),
];

#[actix_web::test]
async fn icons_are_at_the_addresses_that_browsers_know() {
    let files = OwnFiles::new();
    let own = TestApp::start(Stack::Sqlite).await;
    let other = TestApp::builder(Stack::Sqlite).var("SITE_LOGO", files.svg.display()).start().await;
    for (path, kind) in ICONS {
        let icon = own.client().get(path).await.expect(200);
        assert_eq!(icon.header("content-type"), Some(kind), "{path}");
        assert_eq!(icon.header("cache-control"), Some("public, max-age=86400"), "{path}");
        assert!(icon.set_cookies().is_empty() && icon.body.contains("PNG"), "{path}");
        let tag = icon.header("etag").unwrap().to_owned();
        let again = own.client().request(Method::GET, path).header("if-none-match", &tag).send().await;
        assert!(again.expect(304).body.is_empty(), "{path}");
        let other = other.client().get(path).await.expect(200);
        assert_ne!(other.header("etag"), Some(tag.as_str()), "{path} is drawn from the picture of the site");
    }
}

#[actix_web::test]
async fn manifest_names_the_site_and_its_icons() {
    let files = OwnFiles::new();
    let builder = TestApp::builder(Stack::Sqlite).var("SITE_NAME", "Ada & \"Söhne\" <b>");
    let app = builder.var("SITE_CSS", files.css.display()).start().await;
    let page = app.client().get("/").await.expect(200);
    assert_eq!(page.attributes("link[rel=manifest]", "href"), ["/site.webmanifest"]);
    assert_eq!(page.attributes("link[rel=apple-touch-icon]", "href"), ["/apple-touch-icon.png"]);
    assert_eq!(page.attributes("meta[name=theme-color]", "content"), ["#fffdf8", "#171f1e"]);
    assert!(page.header("content-security-policy").unwrap().contains("manifest-src 'self'"));
    let manifest = app.client().get("/site.webmanifest").await.expect(200);
    assert_eq!(manifest.header("content-type"), Some("application/manifest+json"));
    let manifest = manifest.json();
    assert_eq!(
        (&manifest["name"], &manifest["theme_color"]),
        (&"Ada & \"Söhne\" <b>".into(), &"#fffdf8".into())
    );
    for icon in manifest["icons"].as_array().unwrap() {
        app.client().get(icon["src"].as_str().unwrap()).await.expect(200);
    }
}
