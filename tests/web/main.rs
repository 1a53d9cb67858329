//! The application over HTTP, on real servers and on both stacks. Run with `scripts/test`.

mod support;

mod accessibility;
mod admin_ending;
mod browser;
mod browser_plain;
mod crawl;
mod crowd;
mod register;
mod static_files;
mod tour;
