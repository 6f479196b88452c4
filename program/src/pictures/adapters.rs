//! Adapters, from the folders of `scripts/gpu-evidence`: a step against its limit, and the share of the peak of each
//! kernel.

use gpu_train::experiment::record::{
    Contestant, ContestantKind, Evidence, KernelReport, MeasuredAdapter, MeasuredStep, RaceRecord,
};

use super::Drawing;
use super::axis::{Scale, plain, tenths, time};
use super::canvas::{Anchor, Area, Canvas, Stroke};
use super::sheet::{INSIDE, MARGIN, MUTED, Plot, SAMPLE, Sample, Sheet, TEXT};
use super::theme::Role;

const BAR: f64 = 14.0;
/// The limit, across its bar.
const LIMIT: Stroke = Stroke::new(Role::Published, 2.5);

/// A folder of `scripts/gpu-evidence`: its index, and its race.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The index.
    pub evidence: Evidence,
    /// The record of the race, if it was run.
    pub race: Option<RaceRecord>,
}

impl Folder {
    /// The adapter with its step, if both were found.
    fn step(&self) -> Option<(&MeasuredAdapter, &MeasuredStep)> {
        let step = self.evidence.figures.recipes.first()?;
        Some((self.evidence.adapter.as_ref()?, step))
    }

    /// The adapter with every kernel that was timed, each in the first recipe that runs it.
    fn kernels(&self) -> Option<(&MeasuredAdapter, Vec<&KernelReport>)> {
        let mut found: Vec<&KernelReport> = Vec::new();
        for kernel in self
            .evidence
            .figures
            .recipes
            .iter()
            .flat_map(|step| &step.kernels)
        {
            if found.iter().all(|known| known.kernel != kernel.kernel) {
                found.push(kernel);
            }
        }
        let adapter = self.evidence.adapter.as_ref()?;
        (!found.is_empty()).then_some((adapter, found))
    }

    /// A line for each picture that it has nothing for.
    pub(super) fn missing(&self) -> Vec<String> {
        let name = self.evidence.adapter.as_ref();
        let name = name.map_or("a folder", |adapter| &adapter.name);
        let line = |picture: &str, what: &str| format!("{picture}: no {what} of {name}");
        let mut lines = Vec::new();
        if self.step().is_none() {
            lines.push(line("adapters", "step"));
        }
        if self.kernels().is_none() {
            lines.push(line("adapter-kernels", "time of a kernel"));
        }
        lines
    }

    /// The reasons why it is no evidence.
    fn restrictions(&self) -> Vec<String> {
        let name = self.evidence.adapter.as_ref().map(|one| &one.name);
        let words = name.map(|name| format!("{name}: shortened (--short)"));
        words.filter(|_| self.evidence.short).into_iter().collect()
    }
}

/// The race with the adapters of all folders: their rows after those of a race, or of the first folder that has one.
pub fn race_of_all(race: Option<&RaceRecord>, folders: &[Folder]) -> Option<RaceRecord> {
    let mut races = folders.iter().filter_map(|folder| folder.race.as_ref());
    let mut all = match race {
        Some(race) => race.clone(),
        None => races.next()?.clone(),
    };
    let is_adapter =
        |one: &&Contestant| matches!(one.kind, ContestantKind::Gpu | ContestantKind::Software);
    for other in races {
        let machine = &other.stamp.machine.processor;
        let adapters = other.contestants.iter().filter(is_adapter);
        let new = adapters.filter(|one| !all.contestants.contains(one));
        let new: Vec<_> = new.cloned().collect();
        for mut one in new {
            one.device = format!("{} in another machine ({machine})", one.device);
            all.contestants.push(one);
        }
        let words = other.restrictions.iter();
        let new = words.filter(|text| !all.restrictions.contains(text));
        let new: Vec<_> = new.cloned().collect();
        all.restrictions.extend(new);
    }
    Some(all)
}

/// Draws the step of each adapter against the limit by arithmetic; nothing without a step.
pub fn steps(folders: &[Folder]) -> Option<Drawing> {
    let found: Vec<_> = folders.iter().filter_map(Folder::step).collect();
    let (_, first) = found.first()?;
    let subtitle = format!(
        "{} examples, {}: median, and the least time at each adapter's measured peaks.",
        plain(first.examples as f64),
        first.recipe
    );
    let mut sheet = Sheet::new("adapters", "A full-batch step by adapter", &subtitle);
    let values = found
        .iter()
        .flat_map(|(_, step)| [step.step_ms.p10, step.step_ms.p90, step.floor_ms]);
    let mut scale = Scale::log(values.map(|ms| ms / 1e3));
    // The shortest bar is still a bar.
    scale.low /= 2.0;
    let mut plot = plot(&sheet, scale);
    let mut above = Canvas::default();
    let mut bottom = plot.area.y;
    for (adapter, step) in &found {
        let seconds = step.step_ms.median / 1e3;
        let end = TEXT.anchor(Anchor::End);
        let value = format!(
            "{} · {}%",
            time(seconds),
            tenths(100.0 * step.share_of_peak)
        );
        let at = (MARGIN, bottom + 16.0);
        above.text((MARGIN + INSIDE, at.1), &value, end.bold());
        let room = INSIDE - end.bold().width(&value) - 12.0;
        let y = above.paragraph(at, &adapter.name, TEXT, room) - TEXT.line_height() + 6.0;
        bar(&mut above, plot, y, seconds);
        let limit = plot.at_x(step.floor_ms / 1e3);
        above.polyline(&[(limit, y - 2.0), (limit, y + BAR + 2.0)], LIMIT);
        let note = format!("{} · {}", adapter.driver, step.variant);
        bottom = above.paragraph((MARGIN, y + BAR + 15.0), &note, MUTED, INSIDE) - 6.0;
    }
    let ticks: Vec<_> = scale.ticks(7).into_iter().map(|s| (s, time(s))).collect();
    ground(&mut sheet, &mut plot, &ticks, &above, bottom);
    let solid = |canvas: &mut Canvas, (x, y): (f64, f64)| {
        canvas.rectangle(Area::at((x, y - 5.0), (SAMPLE, 10.0)), Role::Measured, 1.0);
    };
    let mark = |canvas: &mut Canvas, (x, y): (f64, f64)| {
        let x = x + SAMPLE / 2.0;
        canvas.polyline(&[(x, y - 8.0), (x, y + 6.0)], LIMIT);
    };
    let entries: [(Sample<'_>, String); 2] = [
        (&solid, "a step, and its share of the peak".into()),
        (&mark, "limit".into()),
    ];
    sheet.legend(&entries);
    let line = |(adapter, step): &(&MeasuredAdapter, &MeasuredStep)| {
        let [took, limit] = [step.step_ms.median, step.floor_ms].map(|ms| time(ms / 1e3));
        format!("{}: {took}, limit {limit}. ", adapter.name)
    };
    let text: String = found.iter().map(line).collect();
    let text = text + "Bars start at the left end of a logarithmic axis.";
    Some(finish(sheet, folders, text))
}

/// Draws the share of the peak of each kernel, and its time in a step; nothing without the time of a kernel.
pub fn kernels(folders: &[Folder]) -> Option<Drawing> {
    let found: Vec<_> = folders.iter().filter_map(Folder::kernels).collect();
    let subtitle = "The needed arithmetic of a kernel's layers over its time in a step, as a share of the adapter's measured peak.";
    let mut sheet = Sheet::new("adapter-kernels", "Share of the peak by kernel", subtitle);
    let kernels = found.iter().flat_map(|(_, kernels)| kernels);
    let shares = kernels.filter_map(|kernel| kernel.share_of_peak);
    let scale = Scale::from_zero(shares.map(|share| 100.0 * share));
    let mut plot = plot(&sheet, scale);
    let mut above = Canvas::default();
    let mut bottom = plot.area.y;
    let mut text = String::new();
    for (adapter, kernels) in &found {
        let at = (MARGIN, bottom + 18.0);
        bottom = above.paragraph(at, &adapter.name, TEXT.bold(), INSIDE) - TEXT.line_height() + 6.0;
        for kernel in kernels {
            let share = kernel.share_of_peak.map(|share| 100.0 * share);
            let share_text = share.map_or("no layer".into(), |share| format!("{}%", tenths(share)));
            let value = format!("{} · {share_text}", time(kernel.ms / 1e3));
            above.text((MARGIN, bottom + 16.0), &kernel.kernel, TEXT);
            let end = (MARGIN + INSIDE, bottom + 16.0);
            above.text(end, &value, TEXT.anchor(Anchor::End));
            let y = bottom + 22.0;
            bar(&mut above, plot, y, share.unwrap_or(0.0));
            bottom = y + BAR + 4.0;
            text += &format!("{}, {}: {value}. ", adapter.name, kernel.kernel);
        }
    }
    let ticks = scale.ticks(6).into_iter();
    let ticks: Vec<_> = ticks
        .map(|share| (share, format!("{}%", plain(share))))
        .collect();
    ground(&mut sheet, &mut plot, &ticks, &above, bottom);
    (!found.is_empty()).then(|| finish(sheet, folders, text))
}

fn plot(sheet: &Sheet, x: Scale) -> Plot {
    Plot {
        area: Area::at((MARGIN, sheet.y + 12.0), (INSIDE, 0.0)),
        x,
        y: Scale::from_zero([]),
    }
}

fn bar(canvas: &mut Canvas, plot: Plot, y: f64, value: f64) {
    let width = plot.at_x(value) - plot.area.x;
    canvas.rectangle(
        Area::at((plot.area.x, y), (width, BAR)),
        Role::Measured,
        1.0,
    );
}

/// The grid goes below the bars but needs their height.
fn ground(
    sheet: &mut Sheet,
    plot: &mut Plot,
    ticks: &[(f64, String)],
    above: &Canvas,
    bottom: f64,
) {
    plot.area.height = bottom - plot.area.y;
    plot.vertical(&mut sheet.canvas, ticks, true);
    sheet.canvas.body += &above.body;
    sheet.y = bottom + 22.0;
}

fn finish(sheet: Sheet, folders: &[Folder], text: String) -> Drawing {
    let restrictions: Vec<_> = folders.iter().flat_map(Folder::restrictions).collect();
    sheet.finish(&folders[0].evidence.stamp, &restrictions, text)
}
