//! The site in Chromium, and a crawl of all its pages.

mod accessibility;
mod addresses;
mod admin;
mod cookies;
mod crawl;
mod forgotten;
mod front_ends;
mod letters;
mod live;
mod new_browsers;
mod operator_pages;
mod other_session;
mod other_sites;
mod own_site;
mod passkeys;
mod screenshots;
mod second_factor;
mod shared_stream;
mod site;
mod throttled;
mod times;
mod users;
mod without_scripts;
