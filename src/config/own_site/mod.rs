//! The site's own name and look: `SITE_NAME`, `SITE_LOGO`, `SITE_CSS`, `SITE_LINKS`, and whom to ask: `SUPPORT_CONTACT`,
//! `SECURITY_CONTACT`.

mod colour;
mod contact;
mod declarations;
mod icon;
mod legibility;
mod logo;
mod theme;

use std::{fs, path::Path};

pub use colour::{Colour, Paint};
pub use contact::OwnLink;
pub(super) use contact::{local, web_address};
pub use icon::Icon;
pub use logo::{Ground, Logo, LogoKind};
pub use theme::Theme;

use super::reader::Reader;
use crate::{clock::Zone, static_file::StaticFile, text};
use icon::Icons;

/// The name of a site that has none of its own.
const PRODUCT: &str = "Gatehouse";

/// Most characters of a name: it stands in the header of a phone's page, and in authenticator apps.
const MAX_NAME: usize = 40;

/// Largest file of `SITE_CSS`, in bytes.
const MAX_CSS: u64 = 64 * 1024;

/// The name under which the style sheet is served.
const CSS_NAME: &str = "site.css";

/// The site's own name and look.
#[derive(Debug)]
pub struct OwnSite {
    /// `SITE_NAME`: how pages, mails and authenticator apps name the site. Default: the product's name.
    pub name: String,
    /// Whether `SITE_NAME` is set.
    pub is_named: bool,
    /// `SITE_LOGO`, or the product's own picture.
    pub logo: Logo,
    /// The colours of the pages.
    pub theme: Theme,
    /// `SITE_LINKS`: the links of the footer.
    pub links: Vec<OwnLink>,
    /// `SUPPORT_CONTACT`: whom people ask who are stuck.
    pub support: Option<OwnLink>,
    /// `SITE_TIMEZONE`: the zone of times in mails, and on pages without scripts. Default: UTC.
    pub zone: Zone,
    /// `SECURITY_CONTACT`: where faults are reported, the preferred way first.
    pub security_contacts: Vec<OwnLink>,
    logo_file: Option<StaticFile>,
    css_file: Option<StaticFile>,
    icons: Icons,
    troubles: Vec<String>,
}

impl OwnSite {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let may_hold = "one line of at most 40 visible characters";
        let name =
            reader.parse("SITE_NAME", may_hold, None, |value| is_name(value).then(|| Some(value.to_owned())));
        let given = reader.get("SITE_LOGO").and_then(|path| read_logo(reader, &path));
        let logo_file = given.as_ref().map(|logo| {
            StaticFile::new(logo.kind.file_name(), logo.kind.content_type(), logo.content.clone())
        });
        let theme = reader.get("SITE_CSS").and_then(|path| read_css(reader, &path)).unwrap_or_default();
        let css = theme.css().map(String::into_bytes);
        Self {
            is_named: name.is_some(),
            name: name.unwrap_or_else(|| PRODUCT.to_owned()),
            logo: given.unwrap_or_else(Logo::own),
            troubles: legibility::troubles(&theme),
            theme,
            links: reader.parse(
                "SITE_LINKS",
                "at most 10 links, such as Privacy=https://example.org/privacy, Terms=/pages/terms.html",
                Vec::new(),
                contact::links,
            ),
            support: reader.parse(
                "SUPPORT_CONTACT",
                "a mail address, or an address that begins with https://",
                None,
                |value| contact::contact(value).map(Some),
            ),
            zone: reader.parse(
                "SITE_TIMEZONE",
                "the name of a time zone (IANA), such as Europe/Berlin or UTC",
                Zone::default(),
                Zone::named,
            ),
            security_contacts: reader.parse(
                "SECURITY_CONTACT",
                "mail addresses or addresses that begin with https://, comma-separated, the preferred one first",
                Vec::new(),
                |value| value.split(',').map(|one| contact::contact(one.trim())).collect(),
            ),
            logo_file,
            icons: Icons::default(),
            css_file: css.map(|css| StaticFile::new(CSS_NAME, "text/css; charset=utf-8", css)),
        }
    }

    /// The name of the site where `SITE_NAME` says one, else the host by which people know it.
    pub fn name_or<'a>(&'a self, host: &'a str) -> &'a str {
        if self.is_named { &self.name } else { host }
    }

    /// The address of the style sheet of `SITE_CSS`.
    pub fn css_href(&self) -> Option<String> {
        self.css_file.as_ref().map(|file| file.href.clone())
    }

    /// The address of `SITE_LOGO`, and its media type.
    pub fn logo_href(&self) -> Option<(String, &'static str)> {
        self.logo_file.as_ref().map(|file| (file.href.clone(), file.content_type))
    }

    /// A file of the operator by its name below `/static/`.
    pub fn file(&self, name: &str) -> Option<&StaticFile> {
        [&self.logo_file, &self.css_file].into_iter().flatten().find(|file| file.name == name)
    }

    /// One of the icons; it is drawn when it is asked for first.
    ///
    /// # Errors
    /// Why it can't be drawn.
    pub fn icon(&self, icon: Icon) -> Result<&StaticFile, &str> {
        self.icons.get(icon, &self.logo)
    }

    /// What is allowed and probably not wanted: colours that can't be read well.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }
}

fn is_name(value: &str) -> bool {
    value.chars().count() <= MAX_NAME && text::check(value).is_ok()
}

fn read_logo(reader: &mut Reader, path: &str) -> Option<Logo> {
    let read = fs::read(path).map_err(|error| format!("can't be read: {error}")).and_then(Logo::read);
    let mistake =
        |reason| format!("SITE_LOGO: {path:?} {reason}; it may hold the path of an SVG or PNG file");
    read.map_err(|reason| reader.mistake(mistake(reason))).ok()
}

fn read_css(reader: &mut Reader, path: &str) -> Option<Theme> {
    let may_hold =
        "the path of a style sheet of :root { --accent: …; } with the properties of docs/your-site.md alone";
    let read = css_text(Path::new(path)).map_err(|reason| vec![reason]).and_then(|text| Theme::read(&text));
    let mistakes = read.as_ref().err().into_iter().flatten();
    for mistake in mistakes {
        reader.mistake(format!("SITE_CSS: {path:?} {mistake}; it may hold {may_hold}"));
    }
    read.ok()
}

fn css_text(path: &Path) -> Result<String, String> {
    let unreadable = |error| format!("can't be read: {error}");
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_CSS {
        return Err(format!("is larger than {} KiB", MAX_CSS / 1024));
    }
    fs::read_to_string(path).map_err(unreadable)
}

#[cfg(test)]
mod tests;
