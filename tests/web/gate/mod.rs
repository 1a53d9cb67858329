//! The operator's own pages, for those who are signed in, and sites on other domains.

mod files;
mod operator_pages;
mod pages_host;
mod site_attacks;
mod site_ends;
mod sites;
mod ways_around;
