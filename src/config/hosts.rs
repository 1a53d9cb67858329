//! The hosts that the site has: `ALLOWED_HOSTS` and `PAGES_HOST`.

use std::net::Ipv6Addr;

use url::{Host, Url};

use super::reader::Reader;

/// `ALLOWED_HOSTS`: names of this site beside that in `BASE_URL`.
pub(super) fn allowed(reader: &mut Reader) -> Vec<Host> {
    let may_hold = "names and addresses without a port, comma-separated, such as login.example.net,192.0.2.7";
    reader.parse("ALLOWED_HOSTS", may_hold, Vec::new(), |value| {
        value.split(',').map(|part| host(part.trim())).collect()
    })
}

/// `PAGES_HOST`: a name that is not that of the site.
pub(super) fn pages(reader: &mut Reader, base_url: &Url, allowed: &[Host]) -> Option<String> {
    let may_hold = "a host name for the pages of PAGES_DIR alone, without a port, such as pages.example.org";
    let host = reader.parse("PAGES_HOST", may_hold, None, |value| {
        let host = host(value).filter(|host| !allowed.contains(host))?;
        match host {
            Host::Domain(name) if base_url.host_str() != Some(&name) => Some(Some(name)),
            _ => None,
        }
    });
    if host.is_some() && reader.get("PAGES_DIR").is_none() {
        reader.mistake("PAGES_HOST: there are no pages for it; set PAGES_DIR to a folder of HTML".to_owned());
    }
    host
}

/// A host as requests name it.
fn host(text: &str) -> Option<Host> {
    let host = text.parse::<Ipv6Addr>().map(Host::Ipv6).or_else(|_| Host::parse(text)).ok();
    host.filter(is_reachable)
}

/// Whether a browser can ask for a host: not for `*.example.org`, nor for `0.0.0.0`. A dot at the end would make another origin.
pub(super) fn is_reachable(host: &Host) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    match host {
        Host::Domain(name) => name.split('.').all(|label| !label.is_empty() && label.bytes().all(is_plain)),
        Host::Ipv4(ip) => !ip.is_unspecified(),
        Host::Ipv6(ip) => !ip.is_unspecified(),
    }
}
