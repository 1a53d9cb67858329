//! Browsers and client addresses of generated sessions: real `User-Agent` headers, addresses reserved for examples.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fastrand::Rng;

use crate::sessions::catalogue::device::Device;

/// `User-Agent` headers, each with its weight: how common it is.
const BROWSERS: [(u32, &str); 16] = [
    (
        24,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        10,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
    ),
    (6, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"),
    (
        9,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        8,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    ),
    (3, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0"),
    (4, "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"),
    (
        3,
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        1,
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    ),
    (
        14,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    ),
    (
        2,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.7339.122 Mobile/15E148 Safari/604.1",
    ),
    (
        4,
        "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    ),
    (
        13,
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
    ),
    (
        3,
        "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    ),
    (2, "Mozilla/5.0 (Android 14; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0"),
    (1, "curl/8.14.1"),
];

/// A browser.
pub(super) struct Browser {
    weight: u32,
    /// The `User-Agent` header.
    pub user_agent: &'static str,
    /// The device that the header names.
    pub device: Device,
}

/// All browsers, with their headers parsed.
pub(super) fn browsers() -> Vec<Browser> {
    BROWSERS
        .iter()
        .map(|(weight, user_agent)| Browser {
            weight: *weight,
            user_agent,
            device: Device::parse(user_agent),
        })
        .collect()
}

/// A random browser, chosen by weight.
pub(super) fn random_browser<'a>(browsers: &'a [Browser], rng: &mut Rng) -> &'a Browser {
    let total: u32 = browsers.iter().map(|browser| browser.weight).sum();
    let mut remaining = rng.u32(..total);
    for browser in browsers {
        if remaining < browser.weight {
            return browser;
        }
        remaining -= browser.weight;
    }
    &browsers[0]
}

/// A random address at the office, at home (RFC 5737) or on a mobile network (RFC 3849).
pub(super) fn random_address(rng: &mut Rng) -> IpAddr {
    match rng.u8(..10) {
        0..=4 => Ipv4Addr::new(10, 20, rng.u8(..16), rng.u8(2..=254)).into(),
        5..=7 => {
            let [a, b, c] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]][rng.usize(..3)];
            Ipv4Addr::new(a, b, c, rng.u8(1..=254)).into()
        }
        _ => Ipv6Addr::new(0x2001, 0xdb8, rng.u16(..64), rng.u16(..), 0, 0, 0, rng.u16(1..)).into(),
    }
}
