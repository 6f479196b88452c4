//! The race as bars on a logarithmic axis of time, from three days to milliseconds.

use super::axis::{Scale, factor, time};
use super::canvas::{Anchor, Area, Canvas, Stroke, TextStyle};
use super::font::{self, Weight};
use super::sheet::{MARGIN, Plot, SMALL, Sheet, TEXT};
use super::theme::Role;
use super::{Drawing, WIDTH};

/// Room for the contestants' names, and for the figures behind the bars.
const LEFT: f64 = 240.0;
const RIGHT: f64 = 180.0;
const PITCH: f64 = 42.0;
const BAR: f64 = 16.0;
const HEAD: f64 = 30.0;

/// A published time or a contestant.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Who.
    pub name: String,
    /// What and on what, in a few words.
    pub note: String,
    /// Seconds of training.
    pub seconds: f64,
    /// The shortest and the longest of several runs.
    pub spread: Option<[f64; 2]>,
    /// Seconds from a cold start to trained weights: set-up and tuning counted.
    pub cold: Option<f64>,
    /// Whether it stays within the misses that the race allows; a bar that does not is an outline.
    pub qualifies: bool,
}

/// What the picture shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Race {
    /// What is raced to.
    pub subtitle: String,
    /// Seconds that all are compared with, and their name: "the essay's 90 s".
    pub reference: (f64, String),
    /// Seconds that are claimed to be within reach, and the claim's name.
    pub claim: Option<(f64, String)>,
    /// What was published.
    pub published: Vec<Bar>,
    /// What was measured.
    pub measured: Vec<Bar>,
    /// Device, date.
    pub caption: String,
}

impl Race {
    /// Draws it.
    pub fn draw(&self) -> Drawing {
        let mut sheet = Sheet::new(
            "race",
            "The race: time to train the 1989 net",
            &self.subtitle,
        );
        if self.published.is_empty() && self.measured.is_empty() {
            sheet.nothing("Nobody has raced.");
            return sheet.finish(&self.caption, self.description());
        }
        let groups = [
            ("Published", &self.published, Role::Published),
            ("Measured here", &self.measured, Role::Measured),
        ];
        let groups = groups.into_iter().filter(|(_, bars, _)| !bars.is_empty());
        let groups: Vec<_> = groups.collect();
        let height = |bars: &Vec<Bar>| HEAD + bars.len() as f64 * PITCH;
        let area = Area {
            x: MARGIN + LEFT,
            y: sheet.y + 24.0,
            width: WIDTH - 2.0 * MARGIN - LEFT - RIGHT,
            height: groups.iter().map(|(_, bars, _)| height(bars)).sum::<f64>() + 4.0,
        };
        let plot = Plot {
            area,
            x: self.scale(),
            y: Scale::Linear {
                low: 0.0,
                high: 1.0,
            },
            beside: false,
        };
        self.ground(&mut sheet.canvas, plot);
        let mut y = area.y;
        for (head, bars, role) in groups {
            let style = TextStyle::new(TEXT).role(role).bold();
            sheet.canvas.text((MARGIN, y + 20.0), head, style);
            y += HEAD;
            for bar in bars {
                self.bar(&mut sheet.canvas, plot, bar, role, y);
                y += PITCH;
            }
        }
        sheet.y = area.bottom() + 42.0;
        self.legend(&mut sheet);
        sheet.finish(&self.caption, self.description())
    }

    fn bars(&self) -> impl Iterator<Item = &Bar> {
        self.published.iter().chain(&self.measured)
    }

    /// Whole decades, so that the shortest bar is still a bar: half a decade at least.
    fn scale(&self) -> Scale {
        let values = || {
            let bars = self.bars().flat_map(|bar| {
                let spread = bar.spread.into_iter().flatten();
                [Some(bar.seconds), bar.cold]
                    .into_iter()
                    .flatten()
                    .chain(spread)
            });
            let bars = bars.chain([self.reference.0]);
            bars.filter(|value| value.is_finite() && *value > 0.0)
        };
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(0.0, f64::max);
        if low > high {
            return Scale::log([]);
        }
        Scale::Log {
            low: 10f64.powf((low.log10() - 0.5).floor()),
            high: high * 1.6,
        }
    }

    /// Grid, heads and the lines of the reference and of the claim.
    fn ground(&self, canvas: &mut Canvas, plot: Plot) {
        let area = plot.area;
        plot.vertical(canvas, &ticks(plot.x), true);
        let muted = TextStyle::new(SMALL).role(Role::Muted);
        let below = (area.x + area.width / 2.0, area.bottom() + 34.0);
        canvas.text(below, "training time (log)", muted.anchor(Anchor::Middle));
        let above = area.y - 8.0;
        let end = muted.anchor(Anchor::End);
        canvas.text((WIDTH - MARGIN - 108.0, above), "time", end);
        let head = font::fit(
            &format!("vs {}", self.reference.1),
            SMALL,
            Weight::Regular,
            104.0,
        );
        canvas.text((WIDTH - MARGIN, above), &head, end);
        let mark = |canvas: &mut Canvas, seconds: f64, role: Role| {
            let x = plot.at_x(seconds);
            let stroke = Stroke::new(role, 1.5).dashed(4.0);
            canvas.line((x, area.y), (x, area.bottom()), stroke);
        };
        mark(canvas, self.reference.0, Role::Published);
        let x = plot.at_x(self.reference.0);
        let role = TextStyle::new(SMALL)
            .role(Role::Published)
            .anchor(Anchor::Start);
        canvas.text((x - 4.0, above), &time(self.reference.0), role);
        if let Some((seconds, name)) = &self.claim {
            mark(canvas, *seconds, Role::Ink);
            let style = TextStyle::new(SMALL).anchor(Anchor::End);
            canvas.text((plot.at_x(*seconds) + 4.0, above), name, style);
        }
    }

    fn bar(&self, canvas: &mut Canvas, plot: Plot, bar: &Bar, role: Role, y: f64) {
        let most = LEFT - 12.0;
        let name = font::fit(&bar.name, TEXT, Weight::Regular, most);
        canvas.text((MARGIN, y + 13.0), &name, TextStyle::new(TEXT));
        let muted = TextStyle::new(SMALL).role(Role::Muted);
        let note = font::fit(&bar.note, SMALL, Weight::Regular, most);
        canvas.text((MARGIN, y + 28.0), &note, muted);
        let area = |seconds: f64| Area {
            x: plot.area.x,
            y: y + 4.0,
            width: plot.at_x(seconds) - plot.area.x,
            height: BAR,
        };
        if let Some(cold) = bar.cold {
            canvas.rectangle(area(cold), Role::Surface, 1.0);
            canvas.rectangle(area(cold), role, 0.35);
        }
        match bar.qualifies {
            true => canvas.rectangle(area(bar.seconds), role, 1.0),
            false => {
                canvas.rectangle(area(bar.seconds), Role::Surface, 1.0);
                canvas.frame(area(bar.seconds), Stroke::new(role, 1.5).dashed(3.0));
            }
        }
        if let Some([low, high]) = bar.spread {
            let middle = y + 4.0 + BAR / 2.0;
            let ends = ((plot.at_x(low), middle), (plot.at_x(high), middle));
            canvas.line(ends.0, ends.1, Stroke::new(Role::Ink, 1.5));
            for (x, _) in [ends.0, ends.1] {
                let stroke = Stroke::new(Role::Ink, 1.5);
                canvas.line((x, middle - 4.0), (x, middle + 4.0), stroke);
            }
        }
        let end = TextStyle::new(TEXT).anchor(Anchor::End);
        canvas.text(
            (WIDTH - MARGIN - 108.0, y + 16.0),
            &time(bar.seconds),
            end.bold(),
        );
        canvas.text(
            (WIDTH - MARGIN, y + 16.0),
            &factor(bar.seconds, self.reference.0),
            end,
        );
        if let Some(cold) = bar.cold {
            let label = format!("cold {}", time(cold));
            let style = muted.anchor(Anchor::End);
            canvas.text((WIDTH - MARGIN - 108.0, y + 31.0), &label, style);
            canvas.text(
                (WIDTH - MARGIN, y + 31.0),
                &factor(cold, self.reference.0),
                style,
            );
        }
    }

    fn legend(&self, sheet: &mut Sheet) {
        let mut entries = Vec::new();
        if self.measured.iter().any(|bar| bar.cold.is_some()) {
            entries.push("lighter: a cold start, with set-up and tuning");
        }
        if self.bars().any(|bar| bar.spread.is_some()) {
            entries.push("whisker: shortest to longest run");
        }
        if self.bars().any(|bar| !bar.qualifies) {
            entries.push("dashed outline: more misses than the race allows");
        }
        entries.push("bars start at the axis's left end, not at zero");
        let style = TextStyle::new(SMALL);
        let text = format!("Solid: training. {}.", capital(&entries.join("; ")));
        sheet.y =
            sheet
                .canvas
                .paragraph((MARGIN, sheet.y + 14.0), &text, style, WIDTH - 2.0 * MARGIN)
                - 10.0;
    }

    fn description(&self) -> String {
        let mut text = String::new();
        for bar in self.bars() {
            let against = factor(bar.seconds, self.reference.0);
            text.push_str(&format!(
                "{}: {} ({against}). ",
                bar.name,
                time(bar.seconds)
            ));
        }
        format!("{text}Factors are against {}.", self.reference.1)
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Decades up to ten seconds; from there on what clocks and calendars have.
fn ticks(scale: Scale) -> Vec<(f64, String)> {
    let Scale::Log { low, high } = scale else {
        return Vec::new();
    };
    let decades = (-12..=0).map(|power| 10f64.powi(power));
    let clock = [10.0, 60.0, 600.0, 3600.0, 86_400.0, 864_000.0];
    let ticks = decades.chain(clock);
    let inside = ticks.filter(|tick| (low * 0.999..=high * 1.001).contains(tick));
    // On a long axis tens of seconds and of minutes would crowd the minute and the hour.
    let long = high / low > 1e6;
    let inside: Vec<f64> = inside
        .filter(|tick| !(long && [10.0, 600.0].contains(tick)))
        .collect();
    // Where even decades would crowd, every second or third.
    let every = inside.len().div_ceil(10).max(1);
    inside
        .into_iter()
        .step_by(every)
        .map(|tick| (tick, label(tick)))
        .collect()
}

fn label(seconds: f64) -> String {
    match seconds {
        60.0 => "1 min".into(),
        600.0 => "10 min".into(),
        3600.0 => "1 h".into(),
        86_400.0 => "1 day".into(),
        s if s < 0.9e-6 => format!("{s:.0e} s"),
        s if s > 0.05 && s < 0.5 => "0.1 s".into(),
        s => time(s),
    }
}
