//! The race as bars on a logarithmic axis of time, from three days to milliseconds.

use gpu_train::error::plural;
use gpu_train::experiment::record::{Contestant, PublishedTime, RaceRecord};
use gpu_train::experiment::verdict::{ESSAY_CLAIM, ESSAY_SECONDS};

use super::axis::{Scale, factor, plain, time};
use super::canvas::{Anchor, Area, Canvas, Stroke, TextStyle};
use super::sheet::{INSIDE, MARGIN, MUTED, Plot, SAMPLE, SMALL, Sample, Sheet, TEXT};
use super::theme::Role;
use super::{Drawing, WIDTH};

/// Room for "2,880× slower", and for a time before it.
const FACTOR: f64 = 124.0;
const TIME: f64 = 76.0;
const BAR: f64 = 14.0;
/// From the shortest to the longest run.
const RANGE: Stroke = Stroke::new(Role::Ink, 1.5);

/// A published time or a contestant.
struct Bar<'a> {
    name: &'a str,
    note: String,
    /// "~" before a rounded time.
    about: &'static str,
    role: Role,
    seconds: f64,
    /// The shortest and the longest of several runs.
    spread: Option<[f64; 2]>,
    /// Seconds from a cold start to trained weights.
    cold: Option<f64>,
    qualifies: bool,
}

impl<'a> Bar<'a> {
    fn published(time: &'a PublishedTime) -> Self {
        Self {
            name: &time.name,
            note: String::new(),
            about: if time.about { "~" } else { "" },
            role: Role::Published,
            seconds: time.seconds,
            spread: None,
            cold: None,
            qualifies: true,
        }
    }

    /// Nothing for a contestant whose runs all failed.
    fn measured(one: &'a Contestant) -> Option<Self> {
        let found = one.standing.as_ref()?;
        let undecided = if found.undecided { ", undecided" } else { "" };
        Some(Self {
            name: &one.name,
            about: "",
            note: format!(
                "{:.1} misses{undecided} · {}",
                found.misses.mean, one.device
            ),
            role: Role::Measured,
            seconds: found.train.median,
            spread: (one.runs.len() > 1).then_some([found.train.min, found.train.max]),
            cold: Some(found.cold_total),
            qualifies: found.qualifies || found.undecided,
        })
    }
}

/// Published times from the longest to the shortest, then the contestants in their order.
fn bars(race: &RaceRecord) -> Vec<Bar<'_>> {
    let mut bars: Vec<Bar<'_>> = race.published.iter().map(Bar::published).collect();
    bars.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    bars.extend(race.contestants.iter().filter_map(Bar::measured));
    bars
}

/// Draws the race.
pub fn draw(race: &RaceRecord) -> Drawing {
    let bars = bars(race);
    let subtitle = format!(
        "To at most {} misses of {} test digits on average. Median of {}, a seed each. Times against the \
         essay's {}.",
        race.rule.target_misses,
        plain(f64::from(race.rule.test_examples)),
        plural(race.rule.seeds.len(), "round"),
        time(ESSAY_SECONDS),
    );
    let mut sheet = Sheet::new("race", "The race: time to train the 1989 net", &subtitle);
    if bars.is_empty() {
        sheet.nothing("Nobody has raced.");
        return sheet.finish(&race.stamp, &race.restrictions, description(&bars));
    }
    let mut plot = Plot {
        area: Area::at((MARGIN, sheet.y + 26.0), (INSIDE, 0.0)),
        x: scale(&bars),
        y: Scale::from_zero([]),
    };
    // The grid goes below the bars but needs their height.
    let mut above = Canvas::default();
    let mut bottom = plot.area.y;
    for (head, role) in [
        ("Published", Role::Published),
        ("Measured here", Role::Measured),
    ] {
        let group: Vec<_> = bars.iter().filter(|bar| bar.role == role).collect();
        if !group.is_empty() {
            above.text((MARGIN, bottom + 18.0), head, TEXT.role(role).bold());
            bottom += 26.0;
        }
        for bar in group {
            bottom = draw_bar(&mut above, plot, bar, bottom);
        }
    }
    plot.area.height = bottom - plot.area.y;
    ground(&mut sheet.canvas, plot);
    sheet.canvas.body += &above.body;
    sheet.y = bottom + 36.0;
    legend(&mut sheet, &bars);
    sheet.finish(&race.stamp, &race.restrictions, description(&bars))
}

/// Starts at a whole decade, so that the shortest bar is still a bar: half a decade at least.
fn scale(bars: &[Bar<'_>]) -> Scale {
    let spreads = bars.iter().filter_map(|bar| bar.spread).flatten();
    let values = bars.iter().flat_map(|bar| [Some(bar.seconds), bar.cold]);
    let values = values.flatten().chain(spreads).chain([ESSAY_SECONDS]);
    let values = values.filter(|value| value.is_finite() && *value > 0.0);
    let shortest = values.clone().fold(f64::INFINITY, f64::min);
    Scale {
        is_log: true,
        low: 10f64.powf((shortest.log10() - 0.5).floor()),
        high: values.fold(0.0, f64::max) * 1.6,
    }
}

/// Grid, axis, and the marks of the essay's time and claim.
fn ground(canvas: &mut Canvas, plot: Plot) {
    let area = plot.area;
    plot.vertical(canvas, &ticks(plot.x), true);
    let below = (WIDTH / 2.0, area.bottom() + 34.0);
    canvas.text(below, "training time (log)", MUTED.anchor(Anchor::Middle));
    let claimed = ESSAY_SECONDS / ESSAY_CLAIM;
    plot.mark(canvas, ESSAY_SECONDS, Role::Published);
    plot.mark(canvas, claimed, Role::Ink);
    let above = area.y - 6.0;
    let name = format!("“another ~{ESSAY_CLAIM:.0}X”: {}", time(claimed));
    let essay = format!("the essay: {}", time(ESSAY_SECONDS));
    // Above their marks, as far as the margins and each other let them.
    let [claim, other] = [SMALL.width(&name), SMALL.width(&essay)];
    let right =
        (WIDTH - MARGIN - other).min((plot.at_x(ESSAY_SECONDS) - 4.0).max(MARGIN + claim + 12.0));
    let left = (plot.at_x(claimed) - claim / 2.0)
        .min(right - 12.0 - claim)
        .max(MARGIN);
    canvas.text((left, above), &name, SMALL);
    canvas.text((right, above), &essay, SMALL.role(Role::Published));
}

/// A bar below its name, time and factor, above its note and the cold start's; returns the y below it.
fn draw_bar(canvas: &mut Canvas, plot: Plot, bar: &Bar<'_>, y: f64) -> f64 {
    let right = WIDTH - MARGIN;
    let write = |canvas: &mut Canvas, y: f64, text: &str, seconds: f64, styles: [TextStyle; 2]| {
        let [style, factor_style] = styles.map(|style| style.anchor(Anchor::End));
        canvas.text((right - FACTOR, y), text, style);
        canvas.text((right, y), &factor(seconds, ESSAY_SECONDS), factor_style);
    };
    let name = (MARGIN, y + 16.0);
    let text = format!("{}{}", bar.about, time(bar.seconds));
    write(canvas, name.1, &text, bar.seconds, [TEXT.bold(), TEXT]);
    let most = INSIDE - FACTOR - TIME;
    let y = canvas.paragraph(name, bar.name, TEXT, most) - TEXT.line_height() + 6.0;
    shapes(canvas, plot, bar, y);
    let note = (MARGIN, y + BAR + 15.0);
    let mut room = INSIDE;
    if let Some(cold) = bar.cold {
        let text = format!("cold {}", time(cold));
        write(canvas, note.1, &text, cold, [MUTED, MUTED]);
        room -= FACTOR + MUTED.width(&text) + 10.0;
    }
    let below = canvas.paragraph(note, &bar.note, MUTED, room);
    below - if bar.note.is_empty() { 8.0 } else { 6.0 }
}

fn shapes(canvas: &mut Canvas, plot: Plot, bar: &Bar<'_>, y: f64) {
    let left = plot.area.x;
    let area = |seconds: f64| Area::at((left, y), (plot.at_x(seconds) - left, BAR));
    if let Some(cold) = bar.cold {
        canvas.rectangle(area(cold), Role::Surface, 1.0);
        canvas.rectangle(area(cold), bar.role, 0.35);
    }
    match bar.qualifies {
        true => canvas.rectangle(area(bar.seconds), bar.role, 1.0),
        false => outline(canvas, area(bar.seconds), bar.role),
    }
    if let Some(spread) = bar.spread {
        let ends = spread.map(|seconds| plot.at_x(seconds));
        canvas.whisker(ends, y + BAR / 2.0, RANGE);
    }
}

fn outline(canvas: &mut Canvas, area: Area, role: Role) {
    canvas.rectangle(area, Role::Surface, 1.0);
    canvas.frame(area, Stroke::new(role, 1.5).dashed(3.0));
}

fn legend(sheet: &mut Sheet, bars: &[Bar<'_>]) {
    let area = |(x, y): (f64, f64)| Area::at((x, y - 5.0), (SAMPLE, 10.0));
    let solid =
        |canvas: &mut Canvas, at: (f64, f64)| canvas.rectangle(area(at), Role::Measured, 1.0);
    let light =
        |canvas: &mut Canvas, at: (f64, f64)| canvas.rectangle(area(at), Role::Measured, 0.35);
    let range = |canvas: &mut Canvas, (x, y): (f64, f64)| {
        canvas.whisker([x + 4.0, x + SAMPLE - 4.0], y, RANGE)
    };
    let dashed = |canvas: &mut Canvas, at: (f64, f64)| outline(canvas, area(at), Role::Measured);
    let mut entries: Vec<(Sample<'_>, String)> = vec![(&solid, "training".into())];
    if bars.iter().any(|bar| bar.cold.is_some()) {
        entries.push((&light, "cold start: with set-up and tuning".into()));
    }
    if bars.iter().any(|bar| bar.spread.is_some()) {
        entries.push((&range, "shortest to longest run".into()));
    }
    if bars.iter().any(|bar| !bar.qualifies) {
        entries.push((&dashed, "more misses than the race allows".into()));
    }
    sheet.legend(&entries);
    let note = "Bars start at the left end of the axis, not at zero.";
    let at = (MARGIN, sheet.y + 18.0);
    sheet.y = sheet.canvas.paragraph(at, note, SMALL, INSIDE) - 14.0;
}

fn description(bars: &[Bar<'_>]) -> String {
    let line = |bar: &Bar<'_>| {
        let (seconds, against) = (time(bar.seconds), factor(bar.seconds, ESSAY_SECONDS));
        format!("{}: {seconds} ({against}). ", bar.name)
    };
    let (text, essay) = (bars.iter().map(line), time(ESSAY_SECONDS));
    text.collect::<String>() + &format!("Factors are against the essay's {essay}.")
}

/// Decades up to ten seconds; above, round values of clocks and calendars.
fn ticks(scale: Scale) -> Vec<(f64, String)> {
    let Scale { low, high, .. } = scale;
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
    let shown = inside.into_iter().step_by(every);
    shown.map(|tick| (tick, label(tick))).collect()
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
