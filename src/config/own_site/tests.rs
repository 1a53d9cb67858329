//! Tests of the variables of a site's own name and look.

use std::fs;

use super::super::Config;

const SECRET: &str = "9b1c6f04d7e2a8539c40be71f5d62a08e3974cb1560fd8a27e49c3158bf06da2";

fn read(vars: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let own = [("DATABASE_URL", "postgres://db/site"), ("SESSION_SECRET", SECRET)];
    let vars = own.iter().chain(vars).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_vars(vars).map_err(|mistakes| mistakes.lines().to_vec())
}

#[test]
fn site_has_the_name_that_it_is_given() {
    let config = read(&[("SITE_NAME", " Ada & Söhne ")]).unwrap();
    assert_eq!((config.site.name.as_str(), config.site.name_or("host")), ("Ada & Söhne", "Ada & Söhne"));
    let sender = config.mail.sender(&config.server, &config.site.name).to_string();
    assert_eq!(sender, "Ada & Söhne <gatehouse@localhost>");
    let nameless = read(&[]).unwrap();
    assert_eq!((nameless.site.name.as_str(), nameless.site.name_or("host")), ("Gatehouse", "host"));
    let long = "x".repeat(41);
    for wrong in ["a\u{202e}b", "a\nb", "\u{200b}", &long] {
        let lines = read(&[("SITE_NAME", wrong)]).unwrap_err();
        assert!(
            lines.len() == 1 && lines[0].starts_with("SITE_NAME: ") && lines[0].contains("40 visible"),
            "{lines:?}"
        );
    }
}

#[test]
fn people_land_at_the_site() {
    let home = |vars: &[(&str, &str)]| read(vars).map(|config| config.server.home);
    let pages = home(&[("PAGES_DIR", "/usr")]).unwrap();
    assert_eq!(pages.address(), None);
    assert!(pages.set_has_pages(true) && !pages.set_has_pages(true));
    assert_eq!(pages.address(), Some("/pages/"));
    for (given, expected) in [
        ("/members", "/members"),
        ("/pages/a b", "/pages/a%20b"),
        ("https://www.example.org", "https://www.example.org/"),
    ] {
        let home = home(&[("PAGES_DIR", "/usr"), ("HOME_URL", given)]).unwrap();
        home.set_has_pages(true);
        assert_eq!((home.address(), home.may_be_pages()), (Some(expected), false));
    }
    for wrong in [
        "members",
        "//evil.example",
        "/login",
        "/logout?x",
        "/auth/me",
        "javascript:alert(1)",
        "/static/app.css",
    ] {
        let lines = home(&[("HOME_URL", wrong)]).unwrap_err();
        assert!(
            lines.len() == 1 && lines[0].starts_with("HOME_URL: ") && lines[0].contains(wrong),
            "{lines:?}"
        );
    }
}

#[test]
fn files_that_cannot_be_used_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("a.css"), ":root { --accent: #7a1fa2 }\n body { color: red }").unwrap();
    fs::write(path("b.css"), ":root { --colour: #7a1fa2; --radius: x }").unwrap();
    fs::write(path("a.gif"), "GIF89a").unwrap();
    for (name, file, parts) in [
        ("SITE_CSS", "none.css", &["can't be read"] as &[_]),
        ("SITE_CSS", "a.css", &["line 2 begins with"]),
        ("SITE_CSS", "b.css", &["--colour is not one of", "--radius is \"x\""]),
        ("SITE_LOGO", "none.png", &["can't be read"]),
        ("SITE_LOGO", "a.gif", &["can't be read as SVG"]),
    ] {
        let file = path(file);
        let lines = read(&[(name, &file)]).unwrap_err();
        assert_eq!(lines.len(), parts.len(), "{lines:?}");
        for (line, part) in lines.iter().zip(parts) {
            let named = line.starts_with(&format!("{name}: {file:?} ")) && line.contains("; it may hold ");
            assert!(named && line.contains(part) && !line.contains('\n'), "{line}");
        }
    }
    fs::write(path("c.css"), ":root { --accent: light-dark(#f5b800, #f5b800) }").unwrap();
    let config = read(&[("SITE_CSS", &path("c.css"))]).unwrap();
    assert!(
        config.site.troubles()[0].starts_with("SITE_CSS: in the light scheme"),
        "{:?}",
        config.site.troubles()
    );
    assert!(config.site.css_href().unwrap().starts_with("/static/site.css?v="));
}

#[test]
fn contacts_and_links_are_checked() {
    for (name, wrong) in [
        ("SUPPORT_CONTACT", "nobody"),
        ("SECURITY_CONTACT", "https://example.org/x, nobody"),
        ("SITE_LINKS", "Privacy"),
    ] {
        let lines = read(&[(name, wrong)]).unwrap_err();
        assert!(
            lines.len() == 1 && lines[0].starts_with(&format!("{name}: \"{wrong}\" is not valid")),
            "{lines:?}"
        );
    }
    let config = read(&[("SECURITY_CONTACT", "https://example.org/x, sec@example.org")]).unwrap();
    let found: Vec<_> = config.site.security_contacts.iter().map(|contact| contact.href.as_str()).collect();
    assert_eq!(found, ["https://example.org/x", "mailto:sec@example.org"]);
}
