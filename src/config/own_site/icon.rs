//! The icons of the site, drawn from its picture: browsers and phones ask for them at fixed addresses.

use std::sync::OnceLock;

use super::logo::{Ground, Logo};
use crate::static_file::StaticFile;

/// An icon at a fixed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// `/favicon.ico`
    Favicon,
    /// `/apple-touch-icon.png`: on the home screen of a phone.
    Touch,
    /// `/icon-192.png`, of the manifest.
    Small,
    /// `/icon-512.png`, of the manifest.
    Large,
}

impl Icon {
    /// Its size, in pixels a side.
    pub fn side(self) -> u16 {
        match self {
            Self::Favicon => 32,
            Self::Touch => 180,
            Self::Small => 192,
            Self::Large => 512,
        }
    }

    /// Its path without the slash.
    pub fn name(self) -> &'static str {
        match self {
            Self::Favicon => "favicon.ico",
            Self::Touch => "apple-touch-icon.png",
            Self::Small => "icon-192.png",
            Self::Large => "icon-512.png",
        }
    }

    fn draw(self, logo: &Logo) -> Result<StaticFile, String> {
        let picture = |ground| logo.icon(self.side(), ground);
        Ok(match self {
            Self::Favicon => {
                StaticFile::new(self.name(), "image/x-icon", ico(&picture(Ground::Clear)?, self.side()))
            }
            Self::Touch | Self::Small | Self::Large => {
                StaticFile::new(self.name(), "image/png", picture(Ground::White)?)
            }
        })
    }
}

/// The icons that were asked for so far.
#[derive(Debug, Default)]
pub(super) struct Icons {
    favicon: OnceLock<Result<StaticFile, String>>,
    touch: OnceLock<Result<StaticFile, String>>,
    small: OnceLock<Result<StaticFile, String>>,
    large: OnceLock<Result<StaticFile, String>>,
}

impl Icons {
    /// One of them; it is drawn when it is asked for first.
    ///
    /// # Errors
    /// Why it can't be drawn.
    pub(super) fn get(&self, icon: Icon, logo: &Logo) -> Result<&StaticFile, &str> {
        let drawn = match icon {
            Icon::Favicon => &self.favicon,
            Icon::Touch => &self.touch,
            Icon::Small => &self.small,
            Icon::Large => &self.large,
        };
        drawn.get_or_init(|| icon.draw(logo)).as_ref().map_err(String::as_str)
    }
}

/// An ICO file with one picture, which is a PNG.
fn ico(png: &[u8], side: u16) -> Vec<u8> {
    const HEADER: u32 = 22;
    let mut file = vec![0, 0, 1, 0, 1, 0];
    // Width, height, colours of a palette, reserved; planes, bits of a pixel.
    let side = side.to_le_bytes()[0];
    file.extend([side, side, 0, 0, 1, 0, 32, 0]);
    file.extend(u32::try_from(png.len()).unwrap_or(u32::MAX).to_le_bytes());
    file.extend(HEADER.to_le_bytes());
    file.extend(png);
    file
}
