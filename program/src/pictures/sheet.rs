//! Parts that all pictures share: title, subtitle, legend, caption, and the axes around an area.

use gpu_train::error::plural;
use gpu_train::experiment::record::Stamp;

use super::axis::Scale;
use super::canvas::{Anchor, Area, Canvas, Stroke, TextStyle};
use super::theme::Role;
use super::{Drawing, WIDTH};

/// Space left and right of everything.
pub const MARGIN: f64 = 16.0;
/// Width between the margins.
pub const INSIDE: f64 = WIDTH - 2.0 * MARGIN;
/// Ordinary text.
pub const TEXT: TextStyle = TextStyle::new(14.0);
/// Legends.
pub const SMALL: TextStyle = TextStyle::new(13.0);
/// Ticks, notes and captions.
pub const MUTED: TextStyle = SMALL.role(Role::Muted);
/// Width of a sample in a legend.
pub const SAMPLE: f64 = 24.0;

/// A sample's shape in a legend, drawn from its left end.
pub type Sample<'a> = &'a dyn Fn(&mut Canvas, (f64, f64));

/// A picture in the making.
#[derive(Debug)]
pub struct Sheet {
    name: &'static str,
    title: String,
    /// Shapes so far.
    pub canvas: Canvas,
    /// Position where the next element may start.
    pub y: f64,
}

impl Sheet {
    /// A picture with its title and what the reader has to know first.
    pub fn new(name: &'static str, title: &str, subtitle: &str) -> Self {
        let mut canvas = Canvas::default();
        let y = canvas.paragraph((MARGIN, 30.0), title, TextStyle::new(18.0).bold(), INSIDE);
        let y = canvas.paragraph((MARGIN, y - 2.0), subtitle, MUTED, INSIDE);
        Self {
            name,
            title: title.to_owned(),
            canvas,
            y: y - 8.0,
        }
    }

    /// The finished picture of a record with this head and these restrictions, which are in a caption below the y reached.
    pub fn finish(
        mut self,
        stamp: &Stamp,
        restrictions: &[String],
        description: String,
    ) -> Drawing {
        let mut caption = machine_and_date(stamp);
        if !restrictions.is_empty() {
            let words = restrictions.join("; ");
            caption += &format!(" · RESTRICTED, not comparable: {words}");
        }
        let at = (MARGIN, self.y + 24.0);
        let y = self.canvas.paragraph(at, &caption, MUTED, INSIDE);
        Drawing {
            name: self.name,
            title: self.title,
            description,
            height: y.ceil(),
            body: self.canvas.body,
        }
    }

    /// A line where a picture would be, for want of data.
    pub fn nothing(&mut self, text: &str) {
        let style = TEXT.role(Role::Muted);
        self.canvas.text((MARGIN, self.y + 24.0), text, style);
        self.y += 36.0;
    }

    /// Samples with what they mean, in as many lines as they need.
    pub fn legend(&mut self, entries: &[(Sample<'_>, String)]) {
        let (mut x, mut y) = (MARGIN, self.y + 20.0);
        for (sample, label) in entries {
            let width = SAMPLE + 6.0 + SMALL.width(label);
            if x > MARGIN && x + width > WIDTH - MARGIN {
                (x, y) = (MARGIN, y + 20.0);
            }
            sample(&mut self.canvas, (x, y - 4.0));
            self.canvas.text((x + SAMPLE + 6.0, y), label, SMALL);
            x += width + 14.0;
        }
        self.y = y + 4.0;
    }
}

/// Machine, date and program.
pub fn machine_and_date(stamp: &Stamp) -> String {
    let Stamp { date, version, .. } = stamp;
    let (processor, cores) = (&stamp.machine.processor, stamp.machine.cores);
    let cores = plural(cores, "core");
    format!("{processor}, {cores} · {date} · gpu-train {version}")
}

/// Two axes and the area between them.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    /// The area.
    pub area: Area,
    /// Left to right.
    pub x: Scale,
    /// Bottom to top.
    pub y: Scale,
}

impl Plot {
    /// Place of a value pair.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.at_x(x), self.at_y(y))
    }

    /// Place of a value of the x axis.
    pub fn at_x(&self, x: f64) -> f64 {
        self.area.x + self.x.place(x) * self.area.width
    }

    /// Place of a value of the y axis.
    pub fn at_y(&self, y: f64) -> f64 {
        self.area.bottom() - self.y.place(y) * self.area.height
    }

    /// Horizontal grid lines, with their values on the left if asked for.
    pub fn horizontal(&self, canvas: &mut Canvas, ticks: &[(f64, String)], labels: bool) {
        for (value, label) in ticks {
            let y = self.at_y(*value);
            let ends = [(self.area.x, y), (self.area.right(), y)];
            canvas.polyline(&ends, Stroke::new(Role::Grid, 1.0));
            if labels {
                let at = (self.area.x - 6.0, y + 4.5);
                canvas.text(at, label, MUTED.anchor(Anchor::End));
            }
        }
    }

    /// Vertical grid lines, with their values below if asked for; a value without room next to the previous one is left out.
    pub fn vertical(&self, canvas: &mut Canvas, ticks: &[(f64, String)], labels: bool) {
        let mut taken = f64::NEG_INFINITY;
        for (value, label) in ticks {
            let x = self.at_x(*value);
            let ends = [(x, self.area.y), (x, self.area.bottom())];
            canvas.polyline(&ends, Stroke::new(Role::Grid, 1.0));
            let width = MUTED.width(label);
            // At the ends inwards: the picture ends there, or another plot begins.
            let (left, place, anchor) = match x {
                x if x < self.area.x + width / 2.0 => (self.area.x, self.area.x, Anchor::Start),
                x if x > self.area.right() - width / 2.0 => {
                    (self.area.right() - width, self.area.right(), Anchor::End)
                }
                x => (x - width / 2.0, x, Anchor::Middle),
            };
            if labels && left > taken {
                let at = (place, self.area.bottom() + 17.0);
                canvas.text(at, label, MUTED.anchor(anchor));
                taken = left + width + 6.0;
            }
        }
    }

    /// A line from bottom to top that marks a value.
    pub fn mark(&self, canvas: &mut Canvas, value: f64, role: Role) {
        let x = self.at_x(value);
        let ends = [(x, self.area.y), (x, self.area.bottom())];
        canvas.polyline(&ends, Stroke::new(role, 1.5).dashed(4.0));
    }
}
