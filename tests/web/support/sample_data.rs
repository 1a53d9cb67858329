//! Users with sessions on many devices, events and samples, for lists and charts that look as in production.

use reqwest::Method;
use time::{Duration, OffsetDateTime, PrimitiveDateTime, macros::format_description};

use super::{
    app::{Builder, TestApp},
    database::SessionTime,
    stack::Stack,
    users::{PASSWORD, Person},
};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

const CHROME_ON_WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/142.0.0.0 Safari/537.36";
const OLD_CHROME_ON_WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/141.0.0.0 Safari/537.36";
const EDGE_ON_WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0";
const CHROME_ON_MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/142.0.0.0 Safari/537.36";
const SAFARI_ON_MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
    Version/18.5 Safari/605.1.15";
const CHROME_ON_ANDROID: &str = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/142.0.0.0 Mobile Safari/537.36";
pub const SAFARI_ON_IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
    (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
const SAFARI_ON_IPAD: &str = "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
    Version/18.5 Mobile/15E148 Safari/604.1";
const FIREFOX_ON_LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// A session: its user, browser and IP address, whether it is remembered, and how many minutes ago it began and was
/// last used.
type Device = (&'static str, &'static str, &'static str, bool, i64, i64);

const DEVICES: [Device; 10] = [
    ("Amara Okafor", CHROME_ON_WINDOWS, "198.51.100.23", false, 3 * HOUR, 1),
    ("Mateo García", SAFARI_ON_MAC, "203.0.113.58", true, 12 * DAY, 3),
    ("Yuki Tanaka", SAFARI_ON_IPHONE, "2001:db8:4a::7c1", true, 2 * DAY, 8),
    ("Ingrid Solberg", FIREFOX_ON_LINUX, "192.0.2.114", false, 5 * HOUR, 17),
    ("Amara Okafor", CHROME_ON_ANDROID, "203.0.113.9", true, 31 * DAY, 26),
    ("Rohan Mehta", EDGE_ON_WINDOWS, "198.51.100.77", false, 8 * HOUR, 41),
    ("Claire Dubois", SAFARI_ON_IPAD, "2001:db8:90::2f", true, 6 * DAY, 2 * HOUR),
    ("Samuel Levi", CHROME_ON_MAC, "192.0.2.36", false, 7 * HOUR, 3 * HOUR),
    ("Release build", "curl/8.14.1", "192.0.2.10", false, 4 * HOUR, 4 * HOUR),
    ("Mateo García", OLD_CHROME_ON_WINDOWS, "203.0.113.140", false, 26 * HOUR, 24 * HOUR - 9),
];

/// An application that trusts proxies on this machine, as [`sample_sessions`] needs.
pub fn behind_a_proxy(stack: Stack) -> Builder {
    TestApp::builder(stack).var("TRUSTED_PROXIES", "127.0.0.0/8")
}

/// Ten sessions of eight people, from addresses that are reserved for documentation.
pub async fn sample_sessions(app: &TestApp) {
    for (name, user_agent, ip, remembered, began, seen) in DEVICES {
        let person = person(name);
        let client = app.client().user_agent(user_agent);
        let known = app.users().iter().any(|user| user[0] == person.name);
        let (path, fields) = if !known {
            let fields = [
                ("name", &*person.name),
                ("email", &person.email),
                ("password", PASSWORD),
                ("password_confirmation", PASSWORD),
            ];
            ("/register", fields.to_vec())
        } else {
            ("/login", vec![("email", &*person.email), ("password", PASSWORD)])
        };
        let request = client.request(Method::POST, path).header("x-forwarded-for", ip);
        request.form(&fields).send().await.to("/profile");
        age(app, &app.newest_session(), began, seen, remembered);
    }
}

/// A user whose email address has plain letters.
fn person(name: &str) -> Person {
    let plain = name.replace('í', "i");
    Person { name: name.to_owned(), ..Person::new(&plain) }
}

/// Makes a session look as if it had begun and been used so many minutes ago.
pub fn age(app: &TestApp, id: &str, began: i64, seen: i64, remembered: bool) {
    let lives = if remembered { Duration::days(30) } else { Duration::hours(24) };
    let (began, seen) = (Duration::minutes(-began), Duration::minutes(-seen));
    let times = [
        (SessionTime::Created, moment(began)),
        (SessionTime::LastSeen, moment(seen)),
        (SessionTime::Expires, moment(seen + lives)),
    ];
    app.set_session_age(id, times, remembered);
}

fn moment(from_now: Duration) -> String {
    // A little over the minute, so that the page says the same for a while.
    let at = OffsetDateTime::now_utc() + from_now - Duration::seconds(20);
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]"))
        .unwrap()
}

/// Thirty days of samples and sign-ins with their ups and downs.
pub fn sample_history(app: &TestApp) {
    let (mut samples, mut events) = (Vec::new(), Vec::new());
    for hours in 1..720_i64 {
        let at = OffsetDateTime::now_utc() - Duration::hours(hours) - Duration::seconds(20);
        let wave = 40 + (hours * 37 % 23) + if hours % 24 < 12 { 60 } else { 0 };
        let at = PrimitiveDateTime::new(at.date(), at.time());
        samples.push((at, u32::try_from(wave).unwrap()));
        let sign_ins = usize::try_from(1 + hours % 5 + if hours % 24 < 12 { 6 } else { 0 }).unwrap();
        events.extend(vec![(at, "signed_in"); sign_ins]);
        let failures = if hours == 30 || hours == 7 { 17 } else { usize::try_from(hours % 3).unwrap() };
        events.extend(vec![(at, "sign_in_failed"); failures]);
    }
    app.insert_samples(&samples);
    app.insert_bare_events(&events);
}
