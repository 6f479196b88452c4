//! The twelve 5×5 kernels that H1 has learned.

use super::axis::plain;
use super::canvas::{Anchor, Area, Canvas, Stroke, TextStyle};
use super::sheet::{MARGIN, SMALL, Sheet};
use super::theme::Role;
use super::{Drawing, WIDTH};
use gpu_train::net::{KERNEL, TAPS};

const COLUMNS: usize = 6;
/// User units of a tap.
const TAP: f64 = 20.0;
const PITCH: f64 = 134.0;

/// What the picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernels {
    /// Name of the row whose net it is, with its seed.
    pub net: String,
    /// A kernel's weights each, `[row][column]`.
    pub kernels: Vec<[f32; TAPS]>,
    /// Device, date.
    pub caption: String,
}

impl Kernels {
    /// Draws it.
    pub fn draw(&self) -> Drawing {
        let title = format!(
            "What H1 has learned: {} kernels of 5×5 weights",
            self.kernels.len()
        );
        let subtitle = format!(
            "{}. One scale for all; an empty square is a weight of 0.",
            self.net
        );
        let mut sheet = Sheet::new("kernels", &title, &subtitle);
        if self.kernels.is_empty() {
            sheet.nothing("No weights were kept.");
            return sheet.finish(&self.caption, self.description());
        }
        let top = (sheet.y + 20.0).round();
        let pitch = (WIDTH - 2.0 * MARGIN) / COLUMNS as f64;
        let side = KERNEL as f64 * TAP;
        for (index, kernel) in self.kernels.iter().enumerate() {
            let x = MARGIN + (index % COLUMNS) as f64 * pitch + (pitch - side) / 2.0;
            let y = top + (index / COLUMNS) as f64 * PITCH;
            self.kernel(&mut sheet.canvas, (x.round(), y), kernel);
            let style = TextStyle::new(SMALL)
                .role(Role::Muted)
                .anchor(Anchor::Middle);
            let name = format!("map {}", index + 1);
            sheet
                .canvas
                .text((x.round() + side / 2.0, y - 6.0), &name, style);
        }
        let lines = self.kernels.len().div_ceil(COLUMNS);
        sheet.y = top + lines as f64 * PITCH - 12.0;
        self.key(&mut sheet);
        sheet.finish(&self.caption, self.description())
    }

    /// The largest weight, by amount.
    fn largest(&self) -> f64 {
        let weights = self
            .kernels
            .iter()
            .flatten()
            .filter(|weight| weight.is_finite());
        weights.fold(0.0, |largest, weight| largest.max(f64::from(weight.abs())))
    }

    fn kernel(&self, canvas: &mut Canvas, (x, y): (f64, f64), kernel: &[f32; TAPS]) {
        let largest = self.largest().max(f64::MIN_POSITIVE);
        for (index, &weight) in kernel.iter().enumerate() {
            let tap = Area {
                x: x + (index % KERNEL) as f64 * TAP,
                y: y + (index / KERNEL) as f64 * TAP,
                width: TAP,
                height: TAP,
            };
            let share = f64::from(weight) / largest;
            if share.is_finite() && share != 0.0 {
                canvas.rectangle(tap, role(share), share.abs());
            }
        }
        let side = KERNEL as f64 * TAP;
        let area = Area {
            x,
            y,
            width: side,
            height: side,
        };
        canvas.frame(area, Stroke::new(Role::Muted, 1.0));
    }

    /// The scale: from the largest amount below zero to the same above.
    fn key(&self, sheet: &mut Sheet) {
        const STEPS: i32 = 12;
        const STEP: f64 = 14.0;
        let width = f64::from(2 * STEPS + 1) * STEP;
        let (x, y) = (((WIDTH - width) / 2.0).round(), sheet.y);
        for step in -STEPS..=STEPS {
            let share = f64::from(step) / f64::from(STEPS);
            let area = Area {
                x: x + f64::from(step + STEPS) * STEP,
                y,
                width: STEP,
                height: 12.0,
            };
            if step != 0 {
                sheet.canvas.rectangle(area, role(share), share.abs());
            }
        }
        let area = Area {
            x,
            y,
            width,
            height: 12.0,
        };
        sheet.canvas.frame(area, Stroke::new(Role::Muted, 1.0));
        let largest = self.largest();
        let amount = plain((largest * 100.0).round() / 100.0);
        let style = TextStyle::new(SMALL)
            .role(Role::Muted)
            .anchor(Anchor::Middle);
        let labels = [
            (0.0, format!("−{amount}")),
            (0.5, "0".into()),
            (1.0, format!("+{amount}")),
        ];
        for (share, label) in labels {
            let inset = (0.5 - share) * STEP;
            sheet
                .canvas
                .text((x + share * width + inset, y + 28.0), &label, style);
        }
        sheet.y = y + 32.0;
    }

    fn description(&self) -> String {
        format!(
            "{}: {} kernels of five by five weights as coloured squares, the largest weight {:.2} by amount.",
            self.net,
            self.kernels.len(),
            self.largest()
        )
    }
}

fn role(share: f64) -> Role {
    match share > 0.0 {
        true => Role::Measured,
        false => Role::Published,
    }
}
