//! The picture of the site, `SITE_LOGO`, and the icons that are drawn from it.

use resvg::{
    tiny_skia::{Color, FilterQuality, Pixmap, PixmapPaint, Transform},
    usvg::{Options, Tree},
};

/// The product's own picture.
const OWN: &[u8] = include_bytes!("../../../static/favicon.svg");

/// The largest file, in bytes.
const MAX_BYTES: usize = 512 * 1024;

/// The most pixels that a side of a PNG has.
const MAX_SIDE: u32 = 4096;

/// How a PNG begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A picture whose parts are known to be readable.
#[derive(Debug, Clone)]
pub struct Logo {
    pub(super) content: Vec<u8>,
    pub(super) kind: LogoKind,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoKind {
    /// Drawn at any size.
    Svg,
    /// Made of pixels.
    Png,
}

impl LogoKind {
    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
        }
    }

    /// The name under which it is served.
    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::Svg => "site-logo.svg",
            Self::Png => "site-logo.png",
        }
    }
}

/// What is behind an icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Nothing.
    Clear,
    /// White, with a margin: some systems show what is clear as black, and cut the corners off.
    White,
}

impl Logo {
    /// Takes the content of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(content: Vec<u8>) -> Result<Self, String> {
        if content.len() > MAX_BYTES {
            return Err(format!("is larger than {} KiB", MAX_BYTES / 1024));
        }
        let kind = if content.starts_with(PNG) { LogoKind::Png } else { LogoKind::Svg };
        let logo = Self { content, kind };
        match kind {
            LogoKind::Svg => logo.tree().map(drop)?,
            LogoKind::Png => logo.pixels().map(drop)?,
        }
        Ok(logo)
    }

    /// The product's own.
    pub(super) fn own() -> Self {
        Self { content: OWN.to_vec(), kind: LogoKind::Svg }
    }

    /// The picture in the middle of a square with sides of so many pixels, as PNG.
    ///
    /// # Errors
    /// Why it can't be drawn.
    pub fn icon(&self, side: u16, ground: Ground) -> Result<Vec<u8>, String> {
        let side = u32::from(side);
        let mut icon = Pixmap::new(side, side).ok_or("has no size")?;
        let margin = match ground {
            Ground::Clear => 0.0,
            Ground::White => {
                icon.fill(Color::WHITE);
                0.1
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "an icon has few pixels")]
        let side = side as f32;
        match self.kind {
            LogoKind::Svg => {
                let tree = self.tree()?;
                let size = tree.size();
                resvg::render(&tree, fitted(size.width(), size.height(), side, margin), &mut icon.as_mut());
            }
            LogoKind::Png => {
                let pixels = self.pixels()?;
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a picture has at most MAX_SIDE pixels a side"
                )]
                let (width, height) = (pixels.width() as f32, pixels.height() as f32);
                let paint = PixmapPaint { quality: FilterQuality::Bicubic, ..PixmapPaint::default() };
                icon.draw_pixmap(0, 0, pixels.as_ref(), &paint, fitted(width, height, side, margin), None);
            }
        }
        icon.encode_png().map_err(|error| error.to_string())
    }

    fn tree(&self) -> Result<Tree, String> {
        let text = std::str::from_utf8(&self.content).map_err(|_| "is neither SVG nor PNG")?;
        Tree::from_str(text, &Options::default()).map_err(|error| format!("can't be read as SVG: {error}"))
    }

    fn pixels(&self) -> Result<Pixmap, String> {
        // Width and height are the first fields of the first chunk; what is decoded is as large as they say.
        let field = |at: usize| {
            self.content.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
        };
        let is_small = |side: Option<u32>| side.is_some_and(|side| side <= MAX_SIDE);
        if !is_small(field(16)) || !is_small(field(20)) {
            return Err(format!("has more than {MAX_SIDE} pixels a side"));
        }
        Pixmap::decode_png(&self.content).map_err(|error| format!("can't be read as PNG: {error}"))
    }
}

/// Moves and scales a picture into the middle of a square.
fn fitted(width: f32, height: f32, side: f32, margin: f32) -> Transform {
    let inner = side * (1.0 - 2.0 * margin);
    let scale = inner / width.max(height);
    let centred = |length: f32| (side - length * scale) / 2.0;
    Transform::from_scale(scale, scale).post_translate(centred(width), centred(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="#f00"/></svg>"##;

    fn pixel(icon: &[u8], x: u32, y: u32) -> [u8; 4] {
        let colour = Pixmap::decode_png(icon).unwrap().pixel(x, y).unwrap().demultiply();
        [colour.red(), colour.green(), colour.blue(), colour.alpha()]
    }

    #[test]
    fn icons_have_the_picture_in_their_middle() {
        let svg = Logo::read(WIDE.as_bytes().to_vec()).unwrap();
        let png = Logo::read(svg.icon(64, Ground::Clear).unwrap()).unwrap();
        assert_eq!((svg.kind, png.kind), (LogoKind::Svg, LogoKind::Png));
        for logo in [svg, png] {
            let clear = logo.icon(32, Ground::Clear).unwrap();
            assert_eq!((pixel(&clear, 16, 16), pixel(&clear, 16, 2)), ([255, 0, 0, 255], [0, 0, 0, 0]));
            let white = logo.icon(180, Ground::White).unwrap();
            assert_eq!(
                (pixel(&white, 90, 90), pixel(&white, 4, 90)),
                ([255, 0, 0, 255], [255, 255, 255, 255])
            );
        }
        assert_eq!(pixel(&Logo::own().icon(32, Ground::Clear).unwrap(), 16, 3), [11, 107, 99, 255]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let mut huge = Logo::own().icon(8, Ground::Clear).unwrap();
        huge[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
        let broken = Logo::own().icon(8, Ground::Clear).unwrap()[..40].to_vec();
        for (content, part) in [
            (b"GIF89a".to_vec(), "can't be read as SVG"),
            (vec![0xff, 0xd8], "neither SVG nor PNG"),
            (b"<html></html>".to_vec(), "can't be read as SVG"),
            (huge, "4096 pixels"),
            (broken, "can't be read as PNG"),
            (vec![b' '; MAX_BYTES + 1], "512 KiB"),
        ] {
            let reason = Logo::read(content).unwrap_err();
            assert!(reason.contains(part), "{reason}");
        }
    }
}
