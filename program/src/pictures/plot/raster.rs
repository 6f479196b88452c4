//! From SVG to PNG.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::font;
use gpu_train::error::{Error, Result};

/// Pixels of a user unit, so that pictures are sharp on dense screens.
const SCALE: f32 = 2.0;

/// Renders an SVG of ours with the font compiled in.
///
/// # Errors
/// [`Error::Device`] if it is no SVG or too large for memory.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    let failed =
        |problem: String| Error::Device(format!("a picture cannot be rendered: {problem}"));
    let options = Options {
        font_family: "Inter".into(),
        fontdb: font::database(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let size = tree.size();
    let [width, height] = [size.width(), size.height()].map(|side| (side * SCALE).ceil() as u32);
    let mut pixels = Pixmap::new(width, height)
        .ok_or_else(|| failed(format!("no room for {width}×{height} pixels")))?;
    resvg::render(
        &tree,
        Transform::from_scale(SCALE, SCALE),
        &mut pixels.as_mut(),
    );
    pixels
        .encode_png()
        .map_err(|error| failed(error.to_string()))
}
