//! Output of `gpu-train predict` for a picture: a line, bars, the input of the net, or JSON.

use serde_json::{Value, json};

use gpu_train::data::mnist1989::DENOMINATOR;
use gpu_train::net::SIDE;
use gpu_train::predict::{Prediction, Recognised};

/// Maximum length of a bar in characters.
const LONGEST_BAR: usize = 40;
/// Characters next to a bar: the class before it, the percentage after it.
const BESIDE_BAR: usize = 12;
/// Ends of bars, in eighths of a character.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/// Amounts of ink, from paper to full.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];

/// Style of the human-readable output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal. `None` if the output is no terminal; then there are no bars.
    pub columns: Option<usize>,
    /// True if escape sequences emphasise the class.
    pub colour: bool,
    /// True if the input of the net is shown.
    pub show: bool,
}

/// The result as JSON: the class, its probability, that of each class, and the input of the net, `[row][column]`, from −1
/// (paper) to 1 (ink).
pub fn json(path: &str, recognised: &Recognised) -> Value {
    let Prediction {
        class,
        probabilities,
    } = recognised.prediction;
    let value = |&code: &u16| f64::from(code) / f64::from(DENOMINATOR) - 1.0;
    json!({
        "path": path,
        "class": class,
        "probability": probabilities[usize::from(class)],
        "probabilities": probabilities,
        "pixels": recognised.codes.iter().map(value).collect::<Vec<f64>>(),
    })
}

/// Human-readable result: one line, and on a terminal a bar per class.
pub fn text(path: &str, recognised: &Recognised, style: Style) -> String {
    let Prediction {
        class,
        probabilities,
    } = &recognised.prediction;
    let share = percentage(probabilities[usize::from(*class)]);
    let mut lines = vec![format!("{path}: {class} ({share})")];
    if style.show {
        lines.extend(picture(recognised, style.columns));
    }
    if let Some(columns) = style.columns {
        let length = columns.saturating_sub(BESIDE_BAR).min(LONGEST_BAR);
        for (digit, &probability) in probabilities.iter().enumerate() {
            let bar = bar(probability, length);
            let line = format!("  {digit} {bar} {:>6}", percentage(probability));
            let chosen = style.colour && digit == usize::from(*class);
            lines.push(if chosen {
                format!("\u{1b}[1;32m{line}\u{1b}[0m")
            } else {
                line
            });
        }
    }
    lines.join("\n")
}

/// Percentage of a probability; 100.0% only if it is exact.
fn percentage(share: f64) -> String {
    let percent = 100.0 * share;
    if (99.95..100.0).contains(&percent) {
        // Rounding to 100.0% would claim certainty.
        ">99.9%".into()
    } else {
        format!("{percent:.1}%")
    }
}

/// Bar of up to `length` characters, padded with blanks.
fn bar(share: f64, length: usize) -> String {
    let eighths = (share * 8.0 * length as f64).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    let missing = length.saturating_sub(bar.chars().count());
    bar + &" ".repeat(missing)
}

/// The 16×16 pixels in shades, two characters per pixel if there is room.
fn picture(recognised: &Recognised, columns: Option<usize>) -> Vec<String> {
    let wide = columns.is_none_or(|columns| columns >= 2 * SIDE + 4);
    let full = 2 * usize::from(DENOMINATOR);
    let side = if wide { 2 * SIDE } else { SIDE };
    let mut lines = vec![format!("  ┌{}┐", "─".repeat(side))];
    for row in recognised.codes.chunks_exact(SIDE) {
        let shades = row.iter().map(|&code| {
            let shade = (usize::from(code) * (SHADES.len() - 1) + full / 2) / full;
            SHADES[shade].to_string().repeat(side / SIDE)
        });
        lines.push(format!("  │{}│", shades.collect::<String>()));
    }
    lines.push(format!("  └{}┘", "─".repeat(side)));
    lines
}
