//! The twelve 5×5 filters that H1 has learned.

use gpu_train::experiment::record::{RunRecord, Table};
use gpu_train::net::{KERNEL, PARAMETERS, Parameters, TAPS};

use super::axis::plain;
use super::canvas::{Anchor, Area, Canvas, Stroke};
use super::sheet::{INSIDE, MARGIN, MUTED, Sheet};
use super::theme::Role;
use super::{Drawing, WIDTH};

const COLUMNS: usize = 6;
/// User units of a tap.
const TAP: f64 = 13.0;
const SIDE: f64 = KERNEL as f64 * TAP;
/// Height of a filter with its name above.
const PITCH: f64 = 96.0;
/// Shades of the key on either side of 0.
const STEPS: i32 = 12;

/// Draws H1's filters of a run's net.
pub fn h1_filters(table: &Table, run: &RunRecord, parameters: &Parameters) -> Drawing {
    let h1 = PARAMETERS.iter().find(|tensor| tensor.name == "H1w");
    let weights = h1.map_or(&[][..], |tensor| parameters.tensor(tensor));
    let filters: &[[f32; TAPS]] = weights.as_chunks().0;
    let finite = weights.iter().filter(|weight| weight.is_finite());
    let largest = finite.fold(0.0, |largest: f64, weight| {
        largest.max(f64::from(weight.abs()))
    });
    let count = filters.len();
    let title = format!("What H1 has learned: {count} filters of 5×5 weights");
    let net = format!("{}, seed {}", run.identity.row, run.identity.seed);
    let subtitle = format!("{net}. One scale for all; an empty square is 0.");
    let mut sheet = Sheet::new("kernels", &title, &subtitle);
    let top = (sheet.y + 38.0).round();
    let pitch = INSIDE / COLUMNS as f64;
    for (index, filter) in filters.iter().enumerate() {
        let x = (MARGIN + (index % COLUMNS) as f64 * pitch + (pitch - SIDE) / 2.0).round();
        let y = top + (index / COLUMNS) as f64 * PITCH;
        draw(&mut sheet.canvas, (x, y), filter, largest);
        let name = format!("map {}", index + 1);
        let at = (x + SIDE / 2.0, y - 6.0);
        sheet.canvas.text(at, &name, MUTED.anchor(Anchor::Middle));
    }
    sheet.y = top + count.div_ceil(COLUMNS) as f64 * PITCH - 10.0;
    key(&mut sheet, largest);
    let text = format!(
        "{net}: {count} filters of five by five weights as coloured squares, the largest weight {largest:.2} by amount."
    );
    sheet.finish(&table.stamp, &table.restrictions, text)
}

fn draw(canvas: &mut Canvas, (x, y): (f64, f64), filter: &[f32; TAPS], largest: f64) {
    for (index, &weight) in filter.iter().enumerate() {
        let [row, column] = [index / KERNEL, index % KERNEL].map(|at| at as f64 * TAP);
        let tap = Area::at((x + column, y + row), (TAP, TAP));
        let share = f64::from(weight) / largest.max(f64::MIN_POSITIVE);
        shade(canvas, tap, share);
    }
    let area = Area::at((x, y), (SIDE, SIDE));
    canvas.frame(area, Stroke::new(Role::Muted, 1.0));
}

/// A square in the colour of a share of the largest weight; nothing for 0.
fn shade(canvas: &mut Canvas, area: Area, share: f64) {
    let role = if share > 0.0 {
        Role::Measured
    } else {
        Role::Published
    };
    if share.is_finite() && share != 0.0 {
        canvas.rectangle(area, role, share.abs());
    }
}

/// The scale: from the largest amount below zero to the same above.
fn key(sheet: &mut Sheet, largest: f64) {
    let width = f64::from(2 * STEPS + 1) * TAP;
    let at = (((WIDTH - width) / 2.0).round(), sheet.y);
    let mut area = Area::at(at, (width, 12.0));
    sheet.canvas.frame(area, Stroke::new(Role::Muted, 1.0));
    let amount = plain((largest * 100.0).round() / 100.0);
    let labels = [
        (0, format!("−{amount}")),
        (STEPS, "0".into()),
        (2 * STEPS, format!("+{amount}")),
    ];
    for (step, label) in labels {
        let at = (area.x + (f64::from(step) + 0.5) * TAP, area.bottom() + 17.0);
        sheet.canvas.text(at, &label, MUTED.anchor(Anchor::Middle));
    }
    area.width = TAP;
    for step in -STEPS..=STEPS {
        shade(&mut sheet.canvas, area, f64::from(step) / f64::from(STEPS));
        area.x += TAP;
    }
    sheet.y = area.bottom() + 20.0;
}
