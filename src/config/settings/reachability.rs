//! Where the server listens, how browsers see it, and what it serves beside itself.

use super::Setting;

const HTTPS: (&str, &str) = ("BASE_URL", "https://login.example.org");

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "LISTEN_ADDR",
        meaning: "Address and port at which the server answers. One that the internet reaches (also by `0.0.0.0`) needs a proxy in front, \
            named in `TRUSTED_PROXIES`. Port 0 takes any that is free.",
        default: "`127.0.0.1:3000`",
        example: "127.0.0.1:3000",
        wrong: "localhost",
        beside: &[],
        with: &["BASE_URL", "TRUSTED_PROXIES", "OPS_ADDR"],
    },
    Setting {
        name: "BASE_URL",
        meaning: "The site as browsers see it: scheme, host and port, no path. All links that are mailed begin with it, and requests for \
            other hosts are answered 421. `https` turns on `Secure` cookies, the prefix `__Host-` and HSTS. Passkeys belong to its host: another \
            one makes them useless.",
        default: "this machine at the port of `LISTEN_ADDR`: `http://localhost:3000`",
        example: "https://login.example.org",
        wrong: "https://login.example.org/app",
        beside: &[],
        with: &["ALLOWED_HOSTS", "COOKIE_DOMAIN", "COOKIE_SAMESITE", "SESSION_NAME"],
    },
    Setting {
        name: "ALLOWED_HOSTS",
        meaning: "Other names and addresses of the site, without ports. Requests whose `Host` is neither one of these nor that of `BASE_URL` \
            nor this machine (`localhost`, `127.0.0.1`, `[::1]`) get 421.",
        default: "unset: the host of `BASE_URL` alone",
        example: "login.example.net,192.0.2.7",
        wrong: "login.example.net:3000",
        beside: &[],
        with: &["BASE_URL"],
    },
    Setting {
        name: "GATE_HOSTS",
        meaning: "Sites behind this login to which people may be sent back, with their ports, beside those below `COOKIE_DOMAIN`; all have the \
            scheme of `BASE_URL`. One that the session's cookie does not reach (neither the host of `BASE_URL` nor below `COOKIE_DOMAIN`) gets a \
            cookie of its own by way of its `/.gatehouse/…`, which its proxy hands over ([nginx.md](nginx.md#on-another-domain)).",
        default: "unset",
        example: "app.example.net,wiki.example.com:8443",
        wrong: "https://app.example.net",
        beside: &[HTTPS, ("TRUSTED_PROXIES", "127.0.0.1")],
        with: &["TRUSTED_PROXIES", "COOKIE_DOMAIN", "COOKIE_SAMESITE", "PAGES_HOST", "ALLOWED_HOSTS"],
    },
    Setting {
        name: "GATE_KEY",
        meaning: "Key of services that hold connections open, for `GET /auth/verify/stream`: at least 64 random letters and digits, such as \
            `openssl rand -hex 32` prints. Several with commas, newest first. [websockets.md](websockets.md)",
        default: "unset: that address answers 404",
        example: "",
        wrong: "short",
        beside: &[],
        with: &["SESSION_SECRET"],
    },
    Setting {
        name: "FRONTEND_URL",
        meaning: "Origins of front ends elsewhere that may call `/auth` with the session's cookie (CORS). [front-end.md](front-end.md)",
        default: "unset: scripts of the site's own origin alone",
        example: "https://app.example.org",
        wrong: "https://app.example.org/start",
        beside: &[HTTPS],
        with: &["COOKIE_SAMESITE", "BASE_URL"],
    },
    Setting {
        name: "TRUSTED_PROXIES",
        meaning: "Addresses and networks whose `X-Forwarded-For` is believed; they must append the address that they see (with or without port \
            and brackets), and `Forwarded` is not read. `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri` are believed of them at `/auth/verify` \
            alone, and below `/.gatehouse/` a `Host` of `GATE_HOSTS`. Private networks of IPv6 (`fc00::/7`) may be as wide as they are. A proxy \
            that is not named here is taken for one client: all people share its limits and its address.",
        default: "unset: nobody's",
        example: "10.0.0.0/8,192.0.2.7",
        wrong: "proxy.example.org",
        beside: &[],
        with: &["LISTEN_ADDR", "GATE_HOSTS", "THROTTLE"],
    },
    Setting {
        name: "PAGES_DIR",
        meaning: "A folder of HTML to serve under `/pages/` to people who are signed in ([pages.md](pages.md#pages-of-your-own)). Not one that \
            holds the SQLite database, nor one with, in or around the folder of mails.",
        default: "unset: no `/pages/`",
        example: "./site",
        wrong: "/nowhere",
        beside: &[],
        with: &["PAGES_HOST", "HOME_URL"],
    },
    Setting {
        name: "PAGES_HOST",
        meaning: "A host name of its own for `/pages/`, where pages may run scripts. Not at or below `COOKIE_DOMAIN`.",
        default: "unset: `/pages/` is at the site and runs no scripts",
        example: "pages.example.org",
        wrong: "pages.example.org:8443",
        beside: &[HTTPS, ("PAGES_DIR", "/usr")],
        with: &["PAGES_DIR", "COOKIE_DOMAIN"],
    },
    Setting {
        name: "COMPRESS",
        meaning: "Whether pages and files leave compressed (Brotli or gzip) where browsers ask for it; `off` leaves that to a proxy. Pages with \
            secrets on them and answers that another site has a browser ask for never are ([SECURITY.md](../SECURITY.md#what-is-promised)).",
        default: "`on`",
        example: "on",
        wrong: "yes",
        beside: &[],
        with: &[],
    },
    Setting {
        name: "REQUEST_TIMEOUT",
        meaning: "Longest time until an answer begins; then it is 503. Streams and downloads may go on for longer. An instance that is stopped \
            waits as long for requests that are open. [production.md](production.md#stopping)",
        default: "`30s`",
        example: "30s",
        wrong: "10ms",
        beside: &[],
        with: &["STORE_TIMEOUT"],
    },
];
