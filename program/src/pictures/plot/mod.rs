//! Pictures of what was measured, as SVG and as PNG, light and dark.
//!
//! Each file draws one picture from plain data. A picture is drawn once, as SVG with classes ([`Drawing`]); the themes are
//! two sets of rules for these classes, and a PNG is the SVG rendered with a font that is compiled in. The same data gives
//! the same bytes.

pub mod axis;
pub mod canvas;
pub mod curves;
pub mod error_by_step;
pub mod font;
pub mod intervals;
pub mod kernels;
pub mod misses;
pub mod race;
mod raster;
mod sheet;
pub mod theme;

use canvas::escape;
use gpu_train::error::Result;
use theme::{Role, Theme};

pub use curves::Curves;
pub use error_by_step::ErrorByStep;
pub use intervals::Intervals;
pub use kernels::Kernels;
pub use misses::Misses;
pub use race::Race;

/// Width of every picture, in user units: that of a README's column.
pub const WIDTH: f64 = 800.0;

/// A mean over seeds at some place of an axis, with the lowest and the highest of the band around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandPoint {
    /// Where on the axis: updates or passes.
    pub x: f64,
    /// Mean.
    pub mean: f64,
    /// Lower edge of the band.
    pub low: f64,
    /// Upper edge of the band.
    pub high: f64,
}

/// A finished picture, without colours.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// The stem of its files, such as `race`.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub title: String,
    /// What is to be seen in it, for those who do not see it.
    pub description: String,
    /// Height in user units; the width is [`WIDTH`].
    pub height: f64,
    body: String,
}

impl Drawing {
    /// A file of its own, with its colours.
    pub fn svg(&self, theme: Theme) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
            self.element(&format!("<style>{}</style>\n", theme::css(theme, "")))
        )
    }

    /// An element for a page that has the rules of [`theme::css`] with the scope `.plot `.
    pub fn inline(&self) -> String {
        self.element("")
    }

    /// The picture of [`Drawing::svg`] in pixels, two for each user unit.
    ///
    /// # Errors
    /// [`gpu_train::error::Error::Device`] if the picture is too large for memory.
    pub fn png(&self, theme: Theme) -> Result<Vec<u8>> {
        raster::png(&self.svg(theme))
    }

    fn element(&self, style: &str) -> String {
        let Self { name, body, .. } = self;
        let (width, height) = (canvas::number(WIDTH), canvas::number(self.height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{name}-title {name}-description\" \
             font-family=\"{}\">\n\
             <title id=\"{name}-title\">{}</title>\n<desc id=\"{name}-description\">{}</desc>\n{style}\
             <rect width=\"{width}\" height=\"{height}\" class=\"fill-{}\"/>\n{body}</svg>\n",
            font::FAMILY,
            escape(&self.title),
            escape(&self.description),
            Role::Surface.name(),
        )
    }
}

#[cfg(test)]
mod tests;
