//! Parses `User-Agent` headers: "Firefox 140 on Linux". Helps users to recognize a device; never used to authenticate.

use std::sync::LazyLock;

use ua_parser::{Extractor, Regexes};

use crate::db::text_enum;

/// Patterns of the ua-parser project (uap-core 0.18, Apache-2.0), without its device models.
const PATTERNS: &str = include_str!("device/uap-core.json");

static EXTRACTOR: LazyLock<Option<Extractor<'static>>> = LazyLock::new(|| {
    let patterns: Regexes<'static> = serde_json::from_str(PATTERNS).ok()?;
    Extractor::try_from(patterns).ok()
});

text_enum! {
    /// What kind of device a client runs on.
    pub enum DeviceKind {
        /// A computer with a browser.
        Desktop => "desktop",
        /// A phone.
        Phone => "phone",
        /// A tablet.
        Tablet => "tablet",
        /// A program that reads sites by itself, such as a search engine's.
        Bot => "bot",
        /// Another program than a browser, such as curl, or one that does not say what it is.
        Script => "script",
    } else Script
}

impl DeviceKind {
    /// The kind as pages show it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Desktop => "Computer",
            Self::Phone => "Phone",
            Self::Tablet => "Tablet",
            Self::Bot => "Bot",
            Self::Script => "Script",
        }
    }
}

/// Browser, operating system and kind of a device; unknown texts are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The browser's name: "Firefox".
    pub browser: String,
    /// The browser's major version: "140".
    pub browser_version: String,
    /// The operating system: "Linux".
    pub os: String,
    /// What kind of device it is.
    pub kind: DeviceKind,
}

impl Device {
    /// Parses a `User-Agent` header.
    pub fn parse(user_agent: &str) -> Self {
        let Some(extractor) = EXTRACTOR.as_ref() else {
            return Self {
                browser: String::new(),
                browser_version: String::new(),
                os: String::new(),
                kind: DeviceKind::Script,
            };
        };
        let browser = extractor.ua.extract(user_agent);
        let os = extractor.os.extract(user_agent).map(|os| os_name(&os.os).to_owned()).unwrap_or_default();
        let (browser, browser_version) = browser
            .map(|browser| (browser_name(&browser.family), browser.major.unwrap_or_default().to_owned()))
            .unwrap_or_default();
        let (browser, browser_version) = on_ios(user_agent).unwrap_or((browser, browser_version));
        let kind = kind(user_agent, &os);
        Self { browser, browser_version, os, kind }
    }
}

/// Browsers of iOS that ask for pages as computers see them: they say that they are Safari on macOS, and their name beside it.
fn on_ios(user_agent: &str) -> Option<(String, String)> {
    const NAMES: [(&str, &str); 3] = [("CriOS/", "Chrome"), ("EdgiOS/", "Edge"), ("FxiOS/", "Firefox")];
    let (rest, name) = NAMES.iter().find_map(|(sign, name)| Some((user_agent.split_once(sign)?.1, *name)))?;
    let version = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((name.to_owned(), version.to_owned()))
}

/// Systems that a browser names in two ways: those of phones and tablets, where people ask for pages as computers see them, and
/// distributions of Linux, which some versions name.
const TWO_NAMES: [(&str, &str); 5] =
    [("Android", "Linux"), ("iOS", "macOS"), ("Ubuntu", "Linux"), ("Fedora", "Linux"), ("Debian", "Linux")];

/// Whether both may be the same browser, given by name and system. Versions count for nothing, since browsers update themselves.
pub fn may_be_same((browser, os): (&str, &str), (other_browser, other_os): (&str, &str)) -> bool {
    let is_pair = |one: &str, other: &str| TWO_NAMES.contains(&(one, other));
    browser == other_browser && (os == other_os || is_pair(os, other_os) || is_pair(other_os, os))
}

/// "Firefox 140 on Linux" from the stored fields of a device.
pub fn describe(browser: &str, version: &str, os: &str) -> String {
    let browser = match (browser, version) {
        ("", _) => String::new(),
        (browser, "") => browser.to_owned(),
        (browser, version) => format!("{browser} {version}"),
    };
    match (browser.as_str(), os) {
        ("", "") => "Unknown device".to_owned(),
        ("", os) => format!("Unknown browser on {os}"),
        (_, "") => browser,
        (_, os) => format!("{browser} on {os}"),
    }
}

/// "Firefox 140 on Linux" from a `User-Agent` header.
pub fn describe_user_agent(user_agent: &str) -> String {
    let device = Device::parse(user_agent);
    describe(&device.browser, &device.browser_version, &device.os)
}

/// One name per browser for all platforms, so that lists and filters stay short.
fn browser_name(name: &str) -> String {
    let name = name.strip_suffix(" Mobile").unwrap_or(name);
    let name = name.strip_prefix("Mobile ").unwrap_or(name);
    match name {
        "HeadlessChrome" => "Chrome",
        "Chrome iOS" | "Chrome Mobile iOS" | "Chrome Mobile WebView" | "Chrome WebView" => "Chrome",
        "Firefox iOS" => "Firefox",
        other => other,
    }
    .to_owned()
}

fn os_name(name: &str) -> &str {
    match name {
        "Mac OS X" => "macOS",
        "Chrome OS" => "ChromeOS",
        other => other,
    }
}

/// What bots have in their names. A name of a phone, "Cubot", ends like that too.
const BOTS: [&str; 4] = ["bot", "crawl", "spider", "slurp"];

fn is_bot(user_agent: &str) -> bool {
    let user_agent = user_agent.to_ascii_lowercase().replace("cubot", "");
    BOTS.iter().any(|name| user_agent.contains(name))
}

fn kind(user_agent: &str, os: &str) -> DeviceKind {
    const DESKTOPS: [&str; 8] =
        ["Windows", "macOS", "Linux", "Ubuntu", "Fedora", "Debian", "ChromeOS", "FreeBSD"];
    let android_tablet = os == "Android" && !user_agent.contains("Mobile");
    if is_bot(user_agent) {
        DeviceKind::Bot
    } else if user_agent.contains("iPad") || user_agent.contains("Tablet") || android_tablet {
        DeviceKind::Tablet
    } else if matches!(os, "iOS" | "Android") || user_agent.contains("Mobile") {
        DeviceKind::Phone
    } else if DESKTOPS.contains(&os) && user_agent.starts_with("Mozilla/") {
        DeviceKind::Desktop
    } else {
        DeviceKind::Script
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_may_be_same_whatever_its_version_or_the_page_asked_for() {
        for (one, other, expected) in [
            (("Chrome", "Linux"), ("Chrome", "Linux"), true),
            (("Chrome", "Android"), ("Chrome", "Linux"), true),
            (("Safari", "macOS"), ("Safari", "iOS"), true),
            (("", ""), ("", ""), true),
            (("Chrome", "Windows"), ("Edge", "Windows"), false),
            (("Chrome", "Windows"), ("Chrome", "Linux"), false),
            (("Chrome", "Android"), ("Chrome", "macOS"), false),
            (("Chrome", "Linux"), ("curl", ""), false),
        ] {
            assert_eq!(may_be_same(one, other), expected, "{one:?} {other:?}");
        }
    }

    #[test]
    fn device_of_ios_keeps_its_browser_where_it_asks_for_pages_of_computers() {
        const SAFARI: &str =
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        for (rest, description) in [
            ("CriOS/140 Version/11.1.1 Safari/605.1.15", "Chrome 140 on macOS"),
            ("Version/18.0 EdgiOS/140.0.0.0 Safari/605.1.15", "Edge 140 on macOS"),
            ("FxiOS/145.0 Safari/605.1.15", "Firefox 145 on macOS"),
            ("Version/18.0 Safari/605.1.15", "Safari 18 on macOS"),
        ] {
            assert_eq!(describe_user_agent(&format!("{SAFARI} {rest}")), description);
        }
    }

    #[test]
    fn device_parses_common_user_agents() {
        for (user_agent, description, kind) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox 140 on Linux",
                "desktop",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari 17 on iOS",
                "phone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.7339.122 Mobile/15E148 Safari/604.1",
                "Chrome 140 on iOS",
                "phone",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge 140 on Windows",
                "desktop",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Mobile Safari/537.36",
                "Chrome 125 on Android",
                "phone",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
                "Chrome 140 on Linux",
                "desktop",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
                "Safari 17 on macOS",
                "desktop",
            ),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "Googlebot 2",
                "bot",
            ),
            ("curl/7.88.1", "curl 7", "script"),
            ("", "Unknown device", "script"),
            ("<script>alert(1)</script>", "Unknown device", "script"),
        ] {
            let device = Device::parse(user_agent);
            let described = describe(&device.browser, &device.browser_version, &device.os);
            assert_eq!((described.as_str(), device.kind.name()), (description, kind), "{user_agent}");
        }
    }
}
