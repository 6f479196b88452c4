//! Shapes and texts as SVG with classes instead of colours; see [`super::theme`].
//!
//! Numbers are written with at most two decimals: small files, and the same bytes for the same input.

use std::fmt::Write as _;

use super::font::{self, Weight};
use super::theme::Role;

/// Escapes a text for XML and HTML, between tags as well as inside quotes. What XML forbids becomes U+FFFD.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A coordinate: two decimals at most, no "-0".
pub fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// Which end of a text stands at its x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub struct TextStyle {
    /// Font size in user units.
    pub size: f64,
    /// Weight.
    pub weight: Weight,
    /// Colour.
    pub role: Role,
    /// Which end stands at x.
    pub anchor: Anchor,
}

impl TextStyle {
    /// Plain ink from the start.
    pub const fn new(size: f64) -> Self {
        Self {
            size,
            weight: Weight::Regular,
            role: Role::Ink,
            anchor: Anchor::Start,
        }
    }

    /// In this colour.
    pub const fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Anchored there.
    pub const fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// Semi-bold.
    pub const fn bold(self) -> Self {
        Self {
            weight: Weight::SemiBold,
            ..self
        }
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Stroke {
    /// Colour.
    pub role: Role,
    /// Width in user units.
    pub width: f64,
    /// Length of dashes and gaps; 0 for none.
    pub dash: f64,
}

impl Stroke {
    /// A solid line.
    pub const fn new(role: Role, width: f64) -> Self {
        Self {
            role,
            width,
            dash: 0.0,
        }
    }

    /// Dashed.
    pub const fn dashed(self, dash: f64) -> Self {
        Self { dash, ..self }
    }

    fn attributes(self) -> String {
        let dash = match self.dash > 0.0 {
            true => format!(" stroke-dasharray=\"{}\"", number(self.dash)),
            false => String::new(),
        };
        format!(
            "class=\"line-{}\" stroke-width=\"{}\"{dash}",
            self.role.name(),
            number(self.width)
        )
    }
}

/// A rectangle, in user units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Area {
    /// Its right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// Its lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// Shapes in the order they were drawn. A shape with a coordinate that is not finite is left out.
#[derive(Debug, Clone, Default)]
pub struct Canvas {
    body: String,
}

impl Canvas {
    /// All that was drawn.
    pub fn into_body(self) -> String {
        self.body
    }

    fn push(&mut self, coordinates: &[f64], element: std::fmt::Arguments<'_>) {
        if coordinates.iter().all(|value| value.is_finite()) {
            self.body.write_fmt(element).expect("a string takes all");
            self.body.push('\n');
        }
    }

    /// A filled rectangle; opacity 0 to 1.
    pub fn rectangle(&mut self, area: Area, role: Role, opacity: f64) {
        let look = format!("class=\"fill-{}\"{}", role.name(), fill_opacity(opacity));
        self.rect(area, &look);
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, area: Area, stroke: Stroke) {
        self.rect(area, &format!("fill=\"none\" {}", stroke.attributes()));
    }

    /// A rectangle with these attributes.
    fn rect(&mut self, area: Area, look: &str) {
        let Area {
            x,
            y,
            width,
            height,
        } = area;
        let (width, height) = (width.max(0.0), height.max(0.0));
        self.push(
            &[x, y, width, height],
            format_args!(
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {look}/>",
                number(x),
                number(y),
                number(width),
                number(height),
            ),
        );
    }

    /// A straight line.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: Stroke) {
        self.push(
            &[x1, y1, x2, y2],
            format_args!(
                "<path d=\"M{} {}L{} {}\" {}/>",
                number(x1),
                number(y1),
                number(x2),
                number(y2),
                stroke.attributes(),
            ),
        );
    }

    /// A line through points; nothing for fewer than two.
    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        if points.len() > 1 {
            self.push(
                &flat(points),
                format_args!(
                    "<path d=\"{}\" fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\" {}/>",
                    path(points),
                    stroke.attributes(),
                ),
            );
        }
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: &[(f64, f64)], role: Role, opacity: f64) {
        if points.len() > 2 {
            self.push(
                &flat(points),
                format_args!(
                    "<path d=\"{}Z\" class=\"fill-{}\"{}/>",
                    path(points),
                    role.name(),
                    fill_opacity(opacity),
                ),
            );
        }
    }

    /// A path of squares of one unit, moved to (x, y) and scaled; sharp edges.
    pub fn pixels(&mut self, (x, y): (f64, f64), scale: f64, d: &str, role: Role, opacity: f64) {
        self.push(
            &[x, y, scale],
            format_args!(
                "<path transform=\"translate({} {})scale({})\" shape-rendering=\"crispEdges\" d=\"{d}\" class=\"fill-{}\"{}/>",
                number(x),
                number(y),
                number(scale),
                role.name(),
                fill_opacity(opacity),
            ),
        );
    }

    /// A filled dot.
    pub fn dot(&mut self, (x, y): (f64, f64), radius: f64, role: Role, opacity: f64) {
        self.push(
            &[x, y, radius],
            format_args!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" class=\"fill-{}\"{}/>",
                number(x),
                number(y),
                number(radius),
                role.name(),
                fill_opacity(opacity),
            ),
        );
    }

    /// A diamond with the ground's colour inside.
    pub fn diamond(&mut self, (x, y): (f64, f64), radius: f64, stroke: Stroke) {
        let corners = [
            (x, y - radius),
            (x + radius, y),
            (x, y + radius),
            (x - radius, y),
        ];
        self.push(
            &flat(&corners),
            format_args!(
                "<path d=\"{}Z\" class=\"fill-surface line-{}\" stroke-width=\"{}\"/>",
                path(&corners),
                stroke.role.name(),
                number(stroke.width),
            ),
        );
    }

    /// A text on one line, its base line at y.
    pub fn text(&mut self, (x, y): (f64, f64), text: &str, style: TextStyle) {
        if text.is_empty() {
            return;
        }
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = match style.weight {
            Weight::Regular => "",
            Weight::SemiBold => " font-weight=\"600\"",
        };
        self.push(
            &[x, y],
            format_args!(
                "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{anchor}{weight} class=\"fill-{}\">{}</text>",
                number(x),
                number(y),
                number(style.size),
                style.role.name(),
                escape(text),
            ),
        );
    }

    /// A text that reads upwards, its middle at (x, y): the title of a vertical axis.
    pub fn upward(&mut self, (x, y): (f64, f64), text: &str, style: TextStyle) {
        self.push(
            &[x, y],
            format_args!(
                "<text transform=\"translate({} {})rotate(-90)\" font-size=\"{}\" text-anchor=\"middle\" class=\"fill-{}\">{}</text>",
                number(x),
                number(y),
                number(style.size),
                style.role.name(),
                escape(text),
            ),
        );
    }

    /// A text in lines of at most this width, the first base line at y; returns the y of the line after the last.
    pub fn paragraph(
        &mut self,
        (x, y): (f64, f64),
        text: &str,
        style: TextStyle,
        most: f64,
    ) -> f64 {
        let mut y = y;
        for line in font::wrap(text, style.size, style.weight, most) {
            self.text((x, y), &line, style);
            y += (style.size * 1.4).round();
        }
        y
    }
}

fn fill_opacity(opacity: f64) -> String {
    match opacity < 1.0 {
        true => format!(" fill-opacity=\"{}\"", number(opacity.max(0.0))),
        false => String::new(),
    }
}

fn flat(points: &[(f64, f64)]) -> Vec<f64> {
    points.iter().flat_map(|&(x, y)| [x, y]).collect()
}

fn path(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        write!(d, "{command}{} {}", number(x), number(y)).expect("a string takes all");
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_text_is_escaped_and_control_characters_replaced() {
        assert_eq!(
            escape("<b a=\"1\" c='2'>&\u{1}\u{1b}\u{ffff}\n"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\u{fffd}\u{fffd}\u{fffd} "
        );
    }

    #[test]
    fn coordinates_are_short() {
        let found = [1.0, -0.001, 2.50, 1.0 / 3.0, 100.0].map(number);
        assert_eq!(found, ["1", "0", "2.5", "0.33", "100"]);
    }

    #[test]
    fn what_has_no_place_is_not_drawn() {
        let mut canvas = Canvas::default();
        canvas.line((f64::NAN, 0.0), (1.0, 1.0), Stroke::new(Role::Ink, 1.0));
        canvas.dot((0.0, f64::INFINITY), 1.0, Role::Ink, 1.0);
        canvas.polyline(&[(0.0, 0.0)], Stroke::new(Role::Ink, 1.0));
        canvas.text((0.0, 0.0), "", TextStyle::new(12.0));
        assert_eq!(canvas.into_body(), "");
    }
}
