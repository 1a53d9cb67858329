//! The site's own name and look.

use super::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "SITE_NAME",
        meaning: "The site's name on pages, in titles, mails and authenticator apps: one line of at most 40 characters. \
            [your-site.md](your-site.md) is about this and the next ones.",
        default: "`Gatehouse`, without counting as a name of the site's own",
        example: "Gatehouse",
        wrong: "A name that is longer than the forty characters of a header",
        beside: &[],
        with: &["MAIL_FROM"],
    },
    Setting {
        name: "SITE_LOGO",
        meaning: "Its picture, an SVG or PNG file, from which the icons are drawn.",
        default: "unset: the product's",
        example: "/etc/gatehouse/logo.svg",
        wrong: "/nowhere/logo.svg",
        beside: &[],
        with: &[],
    },
    Setting {
        name: "SITE_CSS",
        meaning: "A file that sets the colours, corners and fonts of the pages: custom properties on `:root` \
            ([your-site.md](your-site.md)). What can't be read well is said at the start and by `check-config`.",
        default: "unset",
        example: "/etc/gatehouse/look.css",
        wrong: "/nowhere/look.css",
        beside: &[],
        with: &[],
    },
    Setting {
        name: "SITE_LINKS",
        meaning: "Links at the foot of every page: texts and addresses, or paths of this site.",
        default: "unset: none",
        example: "Privacy=https://example.org/privacy, Terms=https://example.org/terms",
        wrong: "https://example.org/privacy",
        beside: &[],
        with: &[],
    },
    Setting {
        name: "SUPPORT_CONTACT",
        meaning: "Whom people ask who are stuck. Said on error pages, where links are no longer valid, and in mails.",
        default: "unset: nobody",
        example: "help@example.org",
        wrong: "the help desk",
        beside: &[],
        with: &[],
    },
    Setting {
        name: "SECURITY_CONTACT",
        meaning: "Whom to tell of faults, in `/.well-known/security.txt` (RFC 9116).",
        default: "unset: no such file",
        example: "security@example.org",
        wrong: "the security team",
        beside: &[],
        with: &[],
    },
    Setting {
        name: "HOME_URL",
        meaning: "Where people land after signing in, and where the name in the header leads.",
        default: "`/pages/` while `PAGES_DIR` has an `index.html`, else `/profile`",
        example: "https://www.example.org/",
        wrong: "/login",
        beside: &[],
        with: &["PAGES_DIR"],
    },
    Setting {
        name: "SITE_TIMEZONE",
        meaning: "The time zone of times in mails, and of times and days on pages where no script tells that of the reader.",
        default: "`UTC`",
        example: "Europe/Berlin",
        wrong: "CEST",
        beside: &[],
        with: &[],
    },
];
