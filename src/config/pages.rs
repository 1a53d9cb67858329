//! What `PAGES_DIR` and `PAGES_HOST` must not be, beside the other settings.

use std::path::{Path, PathBuf};

use super::{DatabaseUrl, Mail, Server, Session, SessionSecret, reader::Reader};
use crate::files;

/// Refuses a `PAGES_DIR` with files of the program: everybody who is signed in could read the database, the secret beside it, or the
/// links in mails.
pub(super) fn check_folder(reader: &mut Reader, server: &Server, database: &DatabaseUrl, mail: &Mail) {
    let Some(pages) = server.pages_dir.as_deref().and_then(|pages| pages.canonicalize().ok()) else { return };
    if let DatabaseUrl::Sqlite(file) = database
        && [files::folder_of(file), file, &file.with_file_name(SessionSecret::FILE_NAME)]
            .iter()
            .any(|own| where_it_is(own).starts_with(&pages))
    {
        let may_hold = "a folder without the database of DATABASE_URL in it";
        return reader.invalid("PAGES_DIR", &pages.display().to_string(), may_hold);
    }
    let folder = where_it_is(&mail.folder);
    let has_mail = mail.server.is_none() || folder.exists();
    if has_mail && (folder.starts_with(&pages) || pages.starts_with(&folder)) {
        let may_hold = format!("a folder apart from that of the mails, which is {}", folder.display());
        reader.invalid("PAGES_DIR", &pages.display().to_string(), &may_hold);
    }
}

/// A path without symbolic links. What does not exist yet will be made below the nearest folder that does.
fn where_it_is(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match found.and_then(|(above, real)| Some(real.join(path.strip_prefix(above).ok()?))) {
        Some(found) => found,
        None => path,
    }
}

/// Refuses a `PAGES_HOST` that `COOKIE_DOMAIN` covers: scripts of its pages could replace the session's cookie by another one.
pub(super) fn check_host(reader: &mut Reader, server: &Server, session: Option<&Session>) {
    let domain = session.and_then(|session| session.cookie_domain.as_deref());
    let (Some(host), Some(domain)) = (server.pages_host.as_deref(), domain) else { return };
    if host.strip_suffix(domain).is_some_and(|above| above.is_empty() || above.ends_with('.')) {
        reader.invalid("PAGES_HOST", host, &format!("a host that is not below COOKIE_DOMAIN, {domain}"));
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::super::{Config, Mistakes};
    use super::*;

    const SECRET: &str = "9b1c6f04d7e2a8539c40be71f5d62a08e3974cb1560fd8a27e49c3158bf06da2";

    fn read(database: &str, pages: &Path, others: &[(&str, &str)]) -> Result<Config, Mistakes> {
        let pages = pages.display().to_string();
        let vars = [("DATABASE_URL", database), ("PAGES_DIR", &pages), ("SESSION_SECRET", SECRET)];
        let vars = vars.iter().chain(others).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_vars(vars)
    }

    fn assert_refused(read: Result<Config, Mistakes>, part: &str) {
        let lines = read.unwrap_err().lines().to_vec();
        assert!(lines.len() == 1 && lines[0].starts_with("PAGES_") && lines[0].contains(part), "{lines:?}");
    }

    #[test]
    fn pages_dir_with_the_database_or_mails_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (data, pages) = (folder.path().join("data"), folder.path().join("pages"));
        for made in ["data/pages", "data/mail/sub", "pages"] {
            fs::create_dir_all(folder.path().join(made)).unwrap();
        }
        let link = folder.path().join("link");
        symlink(&data, &link).unwrap();
        let database = format!("sqlite://{}/site.db", data.display());
        for wrong in [folder.path(), &data, &pages.join(".."), &link] {
            assert_refused(read(&database, wrong, &[]), "database");
        }
        for wrong in ["mail", "mail/sub"] {
            assert_refused(read(&database, &data.join(wrong), &[]), "mails");
            assert_refused(read(&database, &link.join(wrong), &[]), "mails");
        }
        for right in [&pages, &data.join("pages")] {
            read(&database, right, &[]).unwrap();
        }
        // Mails that were written before there was a server are still there.
        assert_refused(read(&database, &data.join("mail"), &[("SMTP_URL", "smtp://localhost")]), "mails");
        // A database that is to be made, by way of a link.
        let unmade = format!("sqlite://{}/later/site.db", link.display());
        assert_refused(read(&unmade, &data, &[]), "database");
        // The mails of a site on Postgres lie in the current folder.
        let current = std::env::current_dir().unwrap();
        assert_refused(read("postgres://db/site", &current, &[]), "mails");
        read("postgres://db/site", &pages, &[]).unwrap();
    }

    #[test]
    fn pages_dir_that_links_of_the_data_lead_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (data, pages) = (folder.path().join("data"), folder.path().join("pages"));
        fs::create_dir_all(&data).unwrap();
        fs::create_dir_all(&pages).unwrap();
        symlink(&pages, data.join("mail")).unwrap();
        let database = format!("sqlite://{}/site.db", data.display());
        assert_refused(read(&database, &pages, &[]), "mails");
        fs::remove_file(data.join("mail")).unwrap();
        read(&database, &pages, &[]).unwrap();
        fs::write(pages.join("site.db"), "").unwrap();
        symlink(pages.join("site.db"), data.join("site.db")).unwrap();
        assert_refused(read(&database, &pages, &[]), "database");
    }

    #[test]
    fn pages_host_below_cookie_domain_is_refused() {
        let pages = tempfile::tempdir().unwrap();
        let read = |host, domain| {
            let vars =
                [("BASE_URL", "https://login.example.org"), ("PAGES_HOST", host), ("COOKIE_DOMAIN", domain)];
            read("postgres://db/site", pages.path(), &vars)
        };
        for (host, domain) in [
            ("pages.example.org", "example.org"),
            ("example.org", "example.org"),
            ("a.login.example.org", "login.example.org"),
        ] {
            assert_refused(read(host, domain), "COOKIE_DOMAIN");
        }
        for (host, domain) in [
            ("pages.example.net", "example.org"),
            ("badexample.org", "example.org"),
            ("pages.example.org", "login.example.org"),
            ("pages.example.org", ""),
        ] {
            read(host, domain).unwrap();
        }
    }
}
