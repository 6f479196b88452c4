//! The lines, bars and picture that are printed for a digit, in a pipe and on a terminal.

use gpu_train::data::mnist1989::DENOMINATOR;
use gpu_train::net::{PIXELS, SIDE};
use gpu_train::predict::{Prediction, Recognised};
use gpu_train_program::text::prediction::{Style, text};

fn recognised(probability: f64) -> Recognised {
    let mut probabilities = [(1.0 - probability) / 9.0; 10];
    probabilities[3] = probability;
    let mut codes = [0; PIXELS];
    codes[SIDE..2 * SIDE].fill(2 * DENOMINATOR);
    Recognised {
        prediction: Prediction {
            class: 3,
            probabilities,
        },
        codes,
    }
}

const PIPED: Style = Style {
    columns: None,
    colour: false,
    show: false,
};

#[test]
fn a_pipe_gets_one_line() {
    for (probability, percentage) in [(0.5, "50.0%"), (0.99999, ">99.9%"), (1.0, "100.0%")] {
        let line = text("a.png", &recognised(probability), PIPED);
        assert_eq!(line, format!("a.png: 3 ({percentage})"));
    }
}

#[test]
fn a_terminal_gets_a_bar_per_class_and_no_wider_line() {
    for columns in [16, 20, 36, 80, 200] {
        let style = Style {
            columns: Some(columns),
            show: true,
            ..PIPED
        };
        let text = text("a", &recognised(0.55), style);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + 18 + 10);
        let widest = lines[1..].iter().map(|line| line.chars().count()).max();
        // The picture is never narrower than 20 columns.
        assert!(widest <= Some(columns.max(20)), "{columns}: {text}");
        assert!(!text.contains('\u{1b}'));
    }
    let style = Style {
        columns: Some(80),
        colour: true,
        show: false,
    };
    let coloured = text("a", &recognised(0.55), style);
    assert_eq!(coloured.matches("\u{1b}[1;32m  3 ██").count(), 1);
    assert_eq!(coloured.matches("\u{1b}[").count(), 2);
}

#[test]
fn bars_are_as_long_as_their_shares() {
    for (share, columns, bar) in [
        (0.0, 16, "    "),
        (0.5, 16, "██  "),
        (1.0, 16, "████"),
        (9.0 / 32.0, 16, "█▏  "),
        (0.7, 12, ""),
        (0.7, 0, ""),
    ] {
        let style = Style {
            columns: Some(columns),
            ..PIPED
        };
        let text = text("a", &recognised(share), style);
        let line = format!("  3 {bar} {:>6}", format!("{:.1}%", 100.0 * share));
        assert_eq!(text.lines().nth(1 + 3), Some(&line[..]));
    }
}

#[test]
fn the_picture_shows_ink_where_it_is() {
    let style = Style {
        show: true,
        ..PIPED
    };
    let text = text("a", &recognised(1.0), style);
    let lines: Vec<&str> = text.lines().skip(2).take(2).collect();
    let rows = [" ", "█"].map(|ink| format!("  │{}│", ink.repeat(32)));
    assert_eq!(lines, rows);
}
