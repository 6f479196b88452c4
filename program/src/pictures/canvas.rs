//! Shapes and texts as SVG with classes instead of colours; see [`super::theme`].
//!
//! Numbers are written with at most two decimals: small files, and the same bytes for the same input.

use std::fmt::Write as _;

use super::font;
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
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
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

/// The part of a text that is placed at its x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// Size, weight, colour and anchor of a text.
#[derive(Debug, Clone, Copy)]
pub struct TextStyle {
    size: f64,
    bold: bool,
    role: Role,
    anchor: Anchor,
}

impl TextStyle {
    /// Ordinary ink, anchored at its start.
    pub const fn new(size: f64) -> Self {
        Self {
            size,
            bold: false,
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
        Self { bold: true, ..self }
    }

    /// Upper bound of the width of a text.
    pub fn width(self, text: &str) -> f64 {
        font::width(text, self.size, self.bold)
    }

    /// The lines of a text, each at most this wide.
    pub fn wrap(self, text: &str, most: f64) -> Vec<String> {
        font::wrap(text, self.size, self.bold, most)
    }

    /// Distance of two base lines.
    pub fn line_height(self) -> f64 {
        (self.size * 1.35).round()
    }
}

/// Colour, width and dashes of a line.
#[derive(Debug, Clone, Copy)]
pub struct Stroke {
    role: Role,
    width: f64,
    dash: f64,
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

    /// With dashes and gaps of this length; 0 for none.
    pub const fn dashed(self, dash: f64) -> Self {
        Self { dash, ..self }
    }

    fn attributes(self) -> String {
        let dash = match self.dash > 0.0 {
            true => format!(" stroke-dasharray=\"{}\"", number(self.dash)),
            false => String::new(),
        };
        let name = self.role.name();
        format!(
            "class=\"line-{name}\" stroke-width=\"{}\"{dash}",
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
    pub width: f64,
    pub height: f64,
}

impl Area {
    /// The rectangle of a size whose upper left corner is at a place.
    pub fn at((x, y): (f64, f64), (width, height): (f64, f64)) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// Right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// Lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    fn attributes(&self) -> String {
        let sides = [self.x, self.y, self.width.max(0.0), self.height.max(0.0)].map(number);
        let [x, y, width, height] = sides;
        format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
    }

    fn numbers(&self) -> [(f64, f64); 2] {
        [(self.x, self.y), (self.width, self.height)]
    }
}

/// Shapes in the order they were drawn. A shape with a coordinate that is not finite is left out.
#[derive(Debug, Clone, Default)]
pub struct Canvas {
    /// SVG elements, a line each.
    pub body: String,
}

impl Canvas {
    fn push(&mut self, numbers: &[(f64, f64)], element: &str) {
        if numbers.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
            self.body.push_str(element);
            self.body.push('\n');
        }
    }

    /// A filled rectangle; opacity 0 to 1.
    pub fn rectangle(&mut self, area: Area, role: Role, opacity: f64) {
        let (shape, fill) = (area.attributes(), fill(role, opacity));
        self.push(&area.numbers(), &format!("<rect {shape} {fill}/>"));
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, area: Area, stroke: Stroke) {
        let element = format!(
            "<rect {} fill=\"none\" {}/>",
            area.attributes(),
            stroke.attributes()
        );
        self.push(&area.numbers(), &element);
    }

    /// A line through points; nothing for fewer than two.
    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        if points.len() > 1 {
            let (path, stroke) = (path(points), stroke.attributes());
            let look = "fill=\"none\" stroke-linejoin=\"round\"";
            self.push(points, &format!("<path d=\"{path}\" {look} {stroke}/>"));
        }
    }

    /// A horizontal line with a short stroke across each end.
    pub fn whisker(&mut self, [low, high]: [f64; 2], y: f64, stroke: Stroke) {
        self.polyline(&[(low, y), (high, y)], stroke);
        for x in [low, high] {
            self.polyline(&[(x, y - 4.0), (x, y + 4.0)], stroke);
        }
    }

    /// A filled polygon; nothing for fewer than three points.
    pub fn polygon(&mut self, points: &[(f64, f64)], role: Role, opacity: f64) {
        if points.len() > 2 {
            let element = format!("<path d=\"{}Z\" {}/>", path(points), fill(role, opacity));
            self.push(points, &element);
        }
    }

    /// A path of squares of one unit, moved to a place and scaled; sharp edges.
    pub fn pixels(&mut self, at: (f64, f64), scale: f64, d: &str, role: Role, opacity: f64) {
        let [x, y, by] = [at.0, at.1, scale].map(number);
        let element = format!(
            "<path transform=\"translate({x} {y})scale({by})\" shape-rendering=\"crispEdges\" d=\"{d}\" {}/>",
            fill(role, opacity)
        );
        self.push(&[at], &element);
    }

    /// A filled dot.
    pub fn dot(&mut self, at: (f64, f64), radius: f64, role: Role, opacity: f64) {
        let [x, y, r] = [at.0, at.1, radius].map(number);
        let element = format!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {}/>",
            fill(role, opacity)
        );
        self.push(&[at], &element);
    }

    /// A diamond with the ground's colour inside.
    pub fn diamond(&mut self, (x, y): (f64, f64), radius: f64, role: Role) {
        let corners = [
            (x, y - radius),
            (x + radius, y),
            (x, y + radius),
            (x - radius, y),
        ];
        let (path, name) = (path(&corners), role.name());
        let look = format!("class=\"fill-surface line-{name}\" stroke-width=\"2\"");
        self.push(&corners, &format!("<path d=\"{path}Z\" {look}/>"));
    }

    /// A text on one line, its base line at y.
    pub fn text(&mut self, at: (f64, f64), text: &str, style: TextStyle) {
        let [x, y] = [at.0, at.1].map(number);
        self.set(at, &format!("x=\"{x}\" y=\"{y}\""), text, style);
    }

    /// A text that reads upwards, its middle at a place: the title of a vertical axis.
    pub fn upward(&mut self, at: (f64, f64), text: &str, style: TextStyle) {
        let [x, y] = [at.0, at.1].map(number);
        let place = format!("transform=\"translate({x} {y})rotate(-90)\"");
        self.set(at, &place, text, style.anchor(Anchor::Middle));
    }

    fn set(&mut self, at: (f64, f64), place: &str, text: &str, style: TextStyle) {
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.bold {
            " font-weight=\"600\""
        } else {
            ""
        };
        let (size, name, text) = (number(style.size), style.role.name(), escape(text));
        if !text.is_empty() {
            let look = format!("font-size=\"{size}\"{anchor}{weight} class=\"fill-{name}\"");
            self.push(&[at], &format!("<text {place} {look}>{text}</text>"));
        }
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
        for line in style.wrap(text, most) {
            self.text((x, y), &line, style);
            y += style.line_height();
        }
        y
    }
}

fn fill(role: Role, opacity: f64) -> String {
    let opacity = match opacity < 1.0 {
        true => format!(" fill-opacity=\"{}\"", number(opacity.max(0.0))),
        false => String::new(),
    };
    format!("class=\"fill-{}\"{opacity}", role.name())
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
    fn shapes_without_a_finite_place_are_left_out() {
        let mut canvas = Canvas::default();
        let stroke = Stroke::new(Role::Ink, 1.0);
        canvas.polyline(&[(f64::NAN, 0.0), (1.0, 1.0)], stroke);
        canvas.dot((0.0, f64::INFINITY), 1.0, Role::Ink, 1.0);
        canvas.polyline(&[(0.0, 0.0)], stroke);
        canvas.text((0.0, 0.0), "", TextStyle::new(12.0));
        assert_eq!(canvas.body, "");
    }
}
