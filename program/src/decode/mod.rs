//! Decoder of PNG, JPEG, PGM, PPM and BMP to grey levels, within limits that hold for hostile files too.

mod contained;

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use gpu_train::error::{Error, Result};
use gpu_train::predict::Grey;

/// Maximum size of a picture's file in bytes.
pub const FILE_LIMIT: u64 = 64 << 20;
/// Maximum number of pixels.
pub const PIXEL_LIMIT: u64 = 1 << 25;
/// Maximum bytes per pixel of a decoded picture: four channels of 16 bits.
const BYTES_A_PIXEL: u64 = 8;
/// Description of an acceptable file, for messages.
pub const EXPECTED: &str = "a picture of a digit (PNG, JPEG, PGM, PPM or BMP)";

/// Decodes a picture of at most [`PIXEL_LIMIT`] pixels. Its content decides the format, not its name; `path` is for messages.
///
/// Colours become their luma and transparent parts become paper (see `flattened`). An orientation tag is applied.
///
/// # Errors
/// [`Error::File`] if the file has another format, is damaged or too large.
pub fn decode(bytes: &[u8], path: &Path) -> Result<Grey> {
    decode_within(bytes, path, PIXEL_LIMIT)
}

/// Same as [`decode`], with another limit on the number of pixels.
///
/// # Errors
/// As [`decode`].
pub fn decode_within(bytes: &[u8], path: &Path, pixel_limit: u64) -> Result<Grey> {
    let refuse = |found: String| Error::file(path, format!("found {found}, expected {EXPECTED}"));
    if bytes.is_empty() {
        return Err(refuse("an empty file".into()));
    }
    // zune-jpeg 0.5.15 panics on some damaged files: https://github.com/etemesi254/zune-image/issues/361 and 409.
    let picture = contained::contained(|| decoded(bytes, pixel_limit, &refuse));
    let panicked = || refuse("a picture that cannot be decoded".into());
    Ok(flattened(&picture.ok_or_else(panicked)??))
}

/// The picture as it is stored, turned as its orientation tag says; `refuse` makes an error of what was found.
fn decoded(
    bytes: &[u8],
    pixel_limit: u64,
    refuse: &dyn Fn(String) -> Error,
) -> Result<DynamicImage> {
    let damaged = |error: ImageError| {
        // Some decoders' messages have several lines.
        let text: String = error.to_string().escape_debug().take(160).collect();
        refuse(format!("a picture that cannot be decoded ({text})"))
    };
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.expect("memory can be read");
    let format = reader.format();
    if format.is_none_or(|format| !format.reading_enabled()) {
        return Err(refuse("no picture of a known format".into()));
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(pixel_limit * BYTES_A_PIXEL);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        ImageError::Limits(_) => refuse(format!(
            "more than {pixel_limit} pixels, or too much metadata"
        )),
        error => damaged(error),
    })?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(refuse("a picture without pixels".into()));
    }
    if pixels > pixel_limit || decoder.total_bytes() > pixel_limit * BYTES_A_PIXEL {
        return Err(refuse(format!(
            "{width}×{height} pixels, more than {pixel_limit} in total"
        )));
    }
    // A damaged orientation tag is no reason to refuse the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Levels and opacities, each from 0 to 65,535; no opacities if everything is opaque.
struct Layers {
    levels: Vec<u16>,
    opacities: Option<Vec<u16>>,
}

impl Layers {
    /// Converts interleaved samples: grey, grey and alpha, RGB, or RGBA.
    fn of<T: Copy>(samples: &[T], channels: usize, widened: fn(T) -> u16) -> Self {
        let level = |pixel: &[T]| match *pixel {
            [red, green, blue] | [red, green, blue, _] => luma([red, green, blue].map(widened)),
            _ => widened(pixel[0]),
        };
        let pixels = samples.chunks_exact(channels);
        Self {
            levels: pixels.clone().map(level).collect(),
            opacities: channels
                .is_multiple_of(2)
                .then(|| pixels.map(|pixel| widened(pixel[channels - 1])).collect()),
        }
    }
}

/// Brightness of a colour, with the weights of ITU-R BT.709.
fn luma(rgb: [u16; 3]) -> u16 {
    let [red, green, blue] = rgb.map(u32::from);
    ((2_126 * red + 7_152 * green + 722 * blue + 5_000) / 10_000) as u16
}

fn eight_bits(sample: u8) -> u16 {
    u16::from(sample) * 257
}

/// Converts a picture to grey levels. Transparent parts become paper. If at least half of the picture's edge is opaque, the
/// paper has the level of that opaque part; otherwise it is white for dark ink and black for bright ink.
fn flattened(picture: &DynamicImage) -> Grey {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let same = |sample: u16| sample;
    let layers = match picture {
        DynamicImage::ImageLuma8(p) => Layers::of(p, 1, eight_bits),
        DynamicImage::ImageLumaA8(p) => Layers::of(p, 2, eight_bits),
        DynamicImage::ImageRgb8(p) => Layers::of(p, 3, eight_bits),
        DynamicImage::ImageRgba8(p) => Layers::of(p, 4, eight_bits),
        DynamicImage::ImageLuma16(p) => Layers::of(p, 1, same),
        DynamicImage::ImageLumaA16(p) => Layers::of(p, 2, same),
        DynamicImage::ImageRgb16(p) => Layers::of(p, 3, same),
        DynamicImage::ImageRgba16(p) => Layers::of(p, 4, same),
        // Only formats that are not compiled in have floating-point samples.
        other => Layers::of(&other.to_rgba16(), 4, same),
    };
    let mut levels = layers.levels;
    if let Some(opacities) = layers.opacities {
        let paper = u64::from(paper_behind(width, height, &levels, &opacities));
        let full = u64::from(u16::MAX);
        for (level, opacity) in levels.iter_mut().zip(opacities) {
            let opacity = u64::from(opacity);
            let sum = u64::from(*level) * opacity + paper * (full - opacity);
            *level = ((sum + full / 2) / full) as u16;
        }
    }
    Grey::new(width, height, levels)
}

/// Level of the paper in transparent parts.
fn paper_behind(width: usize, height: usize, levels: &[u16], opacities: &[u16]) -> u16 {
    let opaque = |&index: &usize| opacities[index] > u16::MAX / 2;
    let edge = (0..levels.len()).filter(|index| {
        let (row, column) = (index / width, index % width);
        row == 0 || row + 1 == height || column == 0 || column + 1 == width
    });
    let length = edge.clone().count();
    let mut solid: Vec<u16> = edge.filter(opaque).map(|index| levels[index]).collect();
    if 2 * solid.len() >= length {
        let middle = solid.len() / 2;
        return *solid.select_nth_unstable(middle).1;
    }
    let products = levels.iter().zip(opacities);
    let products = products.map(|(&level, &opacity)| u64::from(level) * u64::from(opacity));
    let sum: u64 = products.sum();
    let weight: u64 = opacities.iter().copied().map(u64::from).sum();
    if sum < weight * u64::from(u16::MAX / 2) {
        u16::MAX
    } else {
        0
    }
}
