//! What all pictures share: title, line below it, caption at the foot; axes around an area.

use super::axis::Scale;
use super::canvas::{Anchor, Area, Canvas, Stroke, TextStyle};
use super::theme::Role;
use super::{Drawing, WIDTH};

/// Space left and right of everything.
pub const MARGIN: f64 = 20.0;
/// Size of ordinary text.
pub const TEXT: f64 = 13.0;
/// Size of ticks, notes and captions.
pub const SMALL: f64 = 12.0;

/// A picture in the making.
#[derive(Debug)]
pub struct Sheet {
    name: &'static str,
    title: String,
    /// Where to draw.
    pub canvas: Canvas,
    /// Where the next thing may start.
    pub y: f64,
}

impl Sheet {
    /// Starts a picture with its title and what the reader has to know first.
    pub fn new(name: &'static str, title: &str, subtitle: &str) -> Self {
        let mut canvas = Canvas::default();
        let inside = WIDTH - 2.0 * MARGIN;
        let style = TextStyle::new(18.0).bold();
        let y = canvas.paragraph((MARGIN, 34.0), title, style, inside);
        let style = TextStyle::new(TEXT).role(Role::Muted);
        let y = canvas.paragraph((MARGIN, y - 2.0), subtitle, style, inside);
        Self {
            name,
            title: title.to_owned(),
            canvas,
            y: y + 2.0,
        }
    }

    /// Ends it with a caption (device, date) below the y reached.
    pub fn finish(mut self, caption: &str, description: String) -> Drawing {
        let style = TextStyle::new(SMALL).role(Role::Muted);
        let inside = WIDTH - 2.0 * MARGIN;
        let y = self
            .canvas
            .paragraph((MARGIN, self.y + 22.0), caption, style, inside);
        Drawing {
            name: self.name,
            title: self.title,
            description,
            height: y.ceil(),
            body: self.canvas.into_body(),
        }
    }

    /// A line where a picture would be, for want of data.
    pub fn nothing(&mut self, text: &str) {
        let style = TextStyle::new(TEXT).role(Role::Muted);
        self.canvas.text((MARGIN, self.y + 24.0), text, style);
        self.y += 36.0;
    }
}

/// Two axes and the area between them.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    /// Where.
    pub area: Area,
    /// Left to right.
    pub x: Scale,
    /// Bottom to top.
    pub y: Scale,
    /// Whether other plots stand beside it.
    pub beside: bool,
}

impl Plot {
    /// Where a value pair stands.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.at_x(x), self.at_y(y))
    }

    /// Where a value of the x axis stands.
    pub fn at_x(&self, x: f64) -> f64 {
        self.area.x + self.x.place(x) * self.area.width
    }

    /// Where a value of the y axis stands.
    pub fn at_y(&self, y: f64) -> f64 {
        self.area.bottom() - self.y.place(y) * self.area.height
    }

    /// Horizontal grid lines, with what they mean left of them if asked for.
    pub fn horizontal(&self, canvas: &mut Canvas, ticks: &[(f64, String)], labels: bool) {
        let style = TextStyle::new(SMALL).role(Role::Muted).anchor(Anchor::End);
        for (value, label) in ticks {
            let y = self.at_y(*value);
            let ends = ((self.area.x, y), (self.area.right(), y));
            canvas.line(ends.0, ends.1, Stroke::new(Role::Grid, 1.0));
            if labels {
                canvas.text((self.area.x - 6.0, y + 4.0), label, style);
            }
        }
    }

    /// Vertical grid lines, with what they mean below them if asked for.
    pub fn vertical(&self, canvas: &mut Canvas, ticks: &[(f64, String)], labels: bool) {
        let style = TextStyle::new(SMALL).role(Role::Muted);
        for (value, label) in ticks {
            let x = self.at_x(*value);
            let ends = ((x, self.area.y), (x, self.area.bottom()));
            canvas.line(ends.0, ends.1, Stroke::new(Role::Grid, 1.0));
            // At the ends inwards, where another plot stands beside this one.
            let anchor = match x {
                x if self.beside && x < self.area.x + 8.0 => Anchor::Start,
                x if self.beside && x > self.area.right() - 8.0 => Anchor::End,
                _ => Anchor::Middle,
            };
            if labels {
                canvas.text((x, self.area.bottom() + 16.0), label, style.anchor(anchor));
            }
        }
    }
}
