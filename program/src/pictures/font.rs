//! Widths of letters, so that texts are laid out without a font: no fallback font of [`FAMILY`] is wider.

/// Font families that a picture asks for. None is embedded.
pub const FAMILY: &str =
    "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, 'DejaVu Sans', sans-serif";

/// Advance widths of U+0020 to U+007E in hundredths of the font size: the wider of Helvetica (Arial has the same) and
/// DejaVu Sans, the widest of the usual fallbacks.
const REGULAR: [u8; 95] = [
    32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 56, 102, 69, 69, 73, 78, 67, 62, 78, 76, 30, 50, 67, 56, 87, 75,
    79, 67, 79, 73, 67, 62, 74, 69, 99, 69, 67, 69, 40, 34, 40, 84, 56, 50, 62, 64, 55, 64, 62, 36,
    64, 64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
];
/// The same of their bold fonts, which replace semi-bold.
const BOLD: [u8; 95] = [
    35, 46, 53, 84, 70, 101, 88, 31, 46, 46, 53, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70,
    70, 70, 70, 40, 40, 84, 84, 84, 62, 100, 78, 77, 74, 84, 69, 69, 83, 84, 38, 56, 78, 64, 100,
    84, 86, 74, 86, 78, 73, 69, 82, 78, 111, 78, 73, 73, 46, 37, 46, 84, 56, 50, 68, 72, 60, 72,
    68, 44, 72, 72, 35, 35, 67, 35, 105, 72, 69, 72, 72, 50, 60, 48, 72, 66, 93, 65, 66, 59, 72,
    37, 72, 84,
];

/// Upper bound of the width of a text on one line, in the font size's unit.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    let table = if bold { &BOLD } else { &REGULAR };
    let advance = |c: char| match (c as usize).checked_sub(32).and_then(|at| table.get(at)) {
        Some(&hundredths) => f64::from(hundredths),
        None => 100.0,
    };
    text.chars().map(advance).sum::<f64>() * size / 100.0
}

/// Breaks a text between words into lines of at most this width, a longer word between letters. No line for an empty
/// text.
pub fn wrap(text: &str, size: f64, bold: bool, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, bold) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
        while let Some((start, rest)) =
            split(lines.last().map_or("", |line| line), size, bold, most)
        {
            lines.pop();
            lines.extend([start, rest]);
        }
    }
    lines
}

/// The part of a line that fits, one letter at least, and the rest; nothing if all of it fits.
fn split(line: &str, size: f64, bold: bool, most: f64) -> Option<(String, String)> {
    let too_long = |&(at, c): &(usize, char)| width(&line[..at + c.len_utf8()], size, bold) > most;
    let (at, _) = line.char_indices().skip(1).find(too_long)?;
    Some((line[..at].to_owned(), line[at..].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_grow_with_text_size_and_weight() {
        let plain = width("1,757 misses", 13.0, false);
        assert!((60.0..110.0).contains(&plain), "{plain}");
        assert!((width("1,757 misses", 26.0, false) - 2.0 * plain).abs() < 0.01);
        assert!(width("1,757 misses", 13.0, true) > plain);
        assert_eq!(
            (width("", 13.0, false), width("±", 13.0, true)),
            (0.0, 13.0)
        );
    }

    #[test]
    fn lines_keep_their_width_and_all_text() {
        let text = "the median of seven runs, over twenty seeds, on one core of an EPYC";
        let lines = wrap(text, 12.0, false, 150.0);
        assert!(lines.len() > 2, "{lines:?}");
        assert_eq!(lines.join(" "), text);
        let long = "an ".to_owned() + &"x".repeat(99);
        let cut = wrap(&long, 12.0, true, 90.0);
        assert_eq!(cut.concat(), long.replace(' ', ""));
        let widths = lines.iter().map(|line| width(line, 12.0, false));
        assert!(
            widths
                .chain(cut.iter().map(|line| width(line, 12.0, true) + 60.0))
                .all(|width| width <= 150.0)
        );
        // Less room than a letter takes.
        assert_eq!(wrap("one", 12.0, false, 1.0), ["o", "n", "e"]);
        assert!(wrap(" ", 12.0, false, 150.0).is_empty());
    }
}
