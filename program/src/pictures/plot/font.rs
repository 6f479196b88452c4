//! The pictures' font, compiled in: PNGs need none on the machine, and texts are measured before they are placed.

use std::sync::{Arc, LazyLock};

use resvg::usvg::fontdb::Database;
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// Inter, Latin part, SIL Open Font License 1.1 (`fonts/OFL.txt`).
const REGULAR: &[u8] = include_bytes!("fonts/Inter-Regular-Latin.ttf");
const SEMIBOLD: &[u8] = include_bytes!("fonts/Inter-SemiBold-Latin.ttf");

/// What an SVG asks for; a browser without Inter takes its own, which is about as wide or narrower.
pub const FAMILY: &str = "Inter, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif";

/// How heavy a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// 400.
    Regular,
    /// 600.
    SemiBold,
}

/// The compiled-in fonts, and no others.
pub fn database() -> Arc<Database> {
    static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
        let mut fonts = Database::new();
        fonts.load_font_data(REGULAR.to_vec());
        fonts.load_font_data(SEMIBOLD.to_vec());
        fonts.set_sans_serif_family("Inter");
        Arc::new(fonts)
    });
    FONTS.clone()
}

/// Width of a text of one line at a font size, in the size's unit; kerning is left out.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let bytes = match weight {
        Weight::Regular => REGULAR,
        Weight::SemiBold => SEMIBOLD,
    };
    let font = FontRef::new(bytes).expect("the font compiled in is whole");
    let metrics = font.glyph_metrics(Size::new(size as f32), LocationRef::default());
    let map = font.charmap();
    let advance = |c: char| {
        let glyph = map.map(c).unwrap_or_default();
        metrics.advance_width(glyph).unwrap_or(size as f32)
    };
    text.chars().map(|c| f64::from(advance(c))).sum()
}

/// Breaks a text between words into lines of at most this width; a longer word is cut. No line for an empty text.
pub fn wrap(text: &str, size: f64, weight: Weight, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = match line.is_empty() {
            true => word.to_owned(),
            false => format!("{line} {word}"),
        };
        if width(&longer, size, weight) <= most {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        line = fit(word, size, weight, most);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// A text cut to this width, with an ellipsis where something was cut.
pub fn fit(text: &str, size: f64, weight: Weight, most: f64) -> String {
    if width(text, size, weight) <= most {
        return text.to_owned();
    }
    let room = most - width("…", size, weight);
    let mut kept = String::new();
    let mut used = 0.0;
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]), size, weight);
        if used > room {
            break;
        }
        kept.push(c);
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_grow_with_text_size_and_weight() {
        let plain = width("1,757 misses", 13.0, Weight::Regular);
        assert!((60.0..110.0).contains(&plain), "{plain}");
        assert!((width("1,757 misses", 26.0, Weight::Regular) - 2.0 * plain).abs() < 0.01);
        assert!(width("1,757 misses", 13.0, Weight::SemiBold) > plain);
        assert_eq!(width("", 13.0, Weight::Regular), 0.0);
    }

    #[test]
    fn lines_keep_their_width_and_all_words() {
        let text = "the middle of seven runs, over twenty seeds, on one core of an EPYC";
        let lines = wrap(text, 12.0, Weight::Regular, 150.0);
        assert!(lines.len() > 2, "{lines:?}");
        assert!(
            lines
                .iter()
                .all(|line| width(line, 12.0, Weight::Regular) <= 150.0)
        );
        assert_eq!(lines.join(" "), text);
        assert!(wrap(" ", 12.0, Weight::Regular, 150.0).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_cut_with_an_ellipsis() {
        let cut = fit(
            "NVIDIA Corporation Very Long Adapter",
            12.0,
            Weight::Regular,
            90.0,
        );
        assert!(cut.starts_with("NVIDIA") && cut.ends_with('…'), "{cut}");
        assert!(width(&cut, 12.0, Weight::Regular) <= 90.0);
        assert_eq!(wrap(&"x".repeat(999), 12.0, Weight::Regular, 90.0).len(), 1);
    }

    #[test]
    fn the_database_has_both_weights_and_nothing_of_the_machine() {
        let weights: Vec<u16> = database().faces().map(|face| face.weight.0).collect();
        assert_eq!(weights, [400, 600]);
    }
}
