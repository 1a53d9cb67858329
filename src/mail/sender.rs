//! What every letter says of the site that sends it.

use lettre::message::Mailbox;

use crate::{
    clock::Zone,
    config::{Config, OwnLink, Paint},
};

/// What every letter says of the site that sends it.
pub(super) struct Sender {
    /// Whom it comes from.
    pub(super) from: Mailbox,
    /// The site as letters name it: `SITE_NAME`, or the host of `BASE_URL`.
    pub(super) site: String,
    /// The host, where the name does not say it.
    pub(super) host: Option<String>,
    /// The zone of the times in letters.
    pub(super) zone: Zone,
    /// Whom to ask.
    pub(super) support: Option<OwnLink>,
    /// The colour of buttons and links, and of the text on buttons.
    pub(super) accent: Paint,
    pub(super) on_accent: Paint,
}

impl Sender {
    pub(super) fn new(config: &Config) -> Self {
        let host = config.server.base_url.host_str().unwrap_or_default();
        let site = config.site.name_or(host).to_owned();
        Self {
            from: config.mail.sender(&config.server, &config.site.name),
            host: (site != host).then(|| host.to_owned()),
            site,
            zone: config.site.zone.clone(),
            support: config.site.support.clone(),
            accent: config.site.theme.colour("accent"),
            on_accent: config.site.theme.colour("on-accent"),
        }
    }
}
