//! `report.html`: one file that opens without a network and needs no JavaScript.
//!
//! [`maud`] escapes every text; only the pictures' SVG, which escapes its own, goes in as it is. Results and pictures come
//! first; rules and notes unfold.

use gpu_train::experiment::record::{Contestant, RaceRecord, Stamp, Table};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::sheet::machine_and_date;
use super::{Drawing, Sources, theme};
use crate::text::{race, reproduce};

/// Notes on reading each picture.
const READINGS: [(&str, &str); 8] = [
    (
        "race",
        "Each gridline is a fixed factor, not a fixed time, from the one before: a bar half as long is not half the time. \
         Published times are from other machines.",
    ),
    (
        "adapters",
        "The limit is what an adapter's measured peaks of arithmetic and of copying allow for the needed work, and no more than that.",
    ),
    (
        "adapter-kernels",
        "Kernels that compute no layer (updates, orthogonal steps) do little arithmetic: their time is latency and memory.",
    ),
    (
        "table",
        "A published figure is one run: it agrees with ours if its diamond is within the thin line.",
    ),
    (
        "learning-curves",
        "Each panel is a row of the table, all on the same axes: down is better, right is longer. The line is the mean of all \
         seeds, the band reaches from the best to the worst, the dashed line is what was published for the end of training.",
    ),
    (
        "error-by-step",
        "Where the two curves part, the net begins to learn its training digits by heart.",
    ),
    (
        "misses",
        "The essay's picture of the remaining errors. Some of these digits people would miss too.",
    ),
    (
        "kernels",
        "Each of H1's twelve maps looks at the digit through one of these windows: ink under blue squares excites it, ink \
         under orange ones inhibits it.",
    ),
];

/// Content of the page.
pub fn html(sources: &Sources<'_>, drawings: &[Drawing]) -> String {
    let title = "gpu-train: the 1989 net, reproduced and raced";
    let figures = |names: &[&str]| -> Markup {
        let found = drawings
            .iter()
            .filter(|drawing| names.contains(&drawing.name));
        html! { @for drawing in found { (figure(drawing)) } }
    };
    let has = |names: &[&str]| drawings.iter().any(|drawing| names.contains(&drawing.name));
    let (course, net) = (["learning-curves", "error-by-step"], ["misses", "kernels"]);
    let adapters = ["adapters", "adapter-kernels"];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(theme::css())) (PreEscaped(LAYOUT)) }
            }
            body {
                main {
                    h1 { (title) }
                    p .summary {
                        "LeCun et al.'s convnet of 1989, trained again: how well it does, next to the published figures, and how long it takes."
                    }
                    @if let Some(warning) = warning(sources) { p .warning role="note" { (warning) } }
                    @if let Some(race) = sources.race { (the_race(race, &figures(&["race"]))) }
                    @if has(&adapters) { section { h2 { "Adapters" } (figures(&adapters)) } }
                    @if let Some(table) = sources.table { (the_table(table, &figures(&["table"]))) }
                    @if has(&course) { section { h2 { "The course of training" } (figures(&course)) } }
                    @if has(&net) { section { h2 { "One net" } (figures(&net)) } }
                    (facts(sources))
                }
            }
        }
    };
    page.into_string() + "\n"
}

fn figure(drawing: &Drawing) -> Markup {
    let reading = READINGS.iter().find(|(name, _)| *name == drawing.name);
    html! {
        figure {
            (PreEscaped(drawing.inline()))
            @if let Some((_, text)) = reading { figcaption { (text) } }
        }
    }
}

fn warning(sources: &Sources<'_>) -> Option<String> {
    let table = sources.table.map_or(&[][..], |table| &table.restrictions);
    let race = sources.race.map_or(&[][..], |race| &race.restrictions);
    let others = race.iter().filter(|text| !table.contains(text));
    let all: Vec<&str> = table.iter().chain(others).map(String::as_str).collect();
    let words = all.join("; ");
    let warning = format!("Restricted, not comparable with published figures: {words}.");
    (!all.is_empty()).then_some(warning)
}

/// The verdict and the picture, then who raced and by which rule.
fn the_race(record: &RaceRecord, figure: &Markup) -> Markup {
    let columns = race::COLUMNS.map(|(name, _)| name);
    let cells = |one: &Contestant| match &one.standing {
        Some(standing) => race::COLUMNS.map(|(_, show)| show(one, standing)),
        None => race::COLUMNS.map(|_| "-".to_owned()),
    };
    let rows = record.contestants.iter();
    let rows = rows.map(|one| (html! { (one.name) }, cells(one).to_vec()));
    let from = machine_and_date(&record.stamp);
    html! {
        section {
            h2 { "The race" }
            p .result { (record.verdict.first().map_or("", String::as_str)) }
            (figure)
            @for text in record.verdict.iter().skip(1) { p { (text) } }
            (grid(&format!("Who raced, {from}; times are medians"), "contestant", &columns, rows))
            (unfold("The rule of the race", &record.rule.text))
        }
    }
}

fn the_table(table: &Table, figure: &Markup) -> Markup {
    // The first two columns, name and title, make the rows' heads.
    let columns = reproduce::COLUMNS.split_at(2).1;
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let rows = table.rows.iter().map(|row| {
        let cells = columns.iter().map(|(_, show)| show(row));
        (
            html! { (row.row) br; span .what { (row.title) } },
            cells.collect(),
        )
    });
    let from = machine_and_date(&table.stamp);
    html! {
        section {
            h2 { "The table" }
            p { "Test misses of each recipe over several seeds, with the published figure." }
            (figure)
            (grid(&from, "row", &names, rows))
            (unfold("How to read the table", &table.notes))
        }
    }
}

/// A table that scrolls within itself on a narrow screen, by keyboard too.
fn grid(
    caption: &str,
    first: &str,
    columns: &[&str],
    rows: impl Iterator<Item = (Markup, Vec<String>)>,
) -> Markup {
    html! {
        p .caption { (caption) }
        div .scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                thead { tr { th scope="col" { (first) } @for name in columns { th scope="col" { (name) } } } }
                tbody {
                    @for (head, cells) in rows {
                        tr { th scope="row" { (head) } @for cell in cells { td { (cell) } } }
                    }
                }
            }
        }
    }
}

fn unfold(name: &str, points: &[String]) -> Markup {
    html! {
        @if !points.is_empty() {
            details { summary { (name) } ul { @for point in points { li { (point) } } } }
        }
    }
}

/// Commands, machines, digits and devices.
fn facts(sources: &Sources<'_>) -> Markup {
    let (table, race) = (sources.table, sources.race);
    let made = |stamp: &Stamp| {
        let (command, date, version) = (&stamp.command, &stamp.date, &stamp.version);
        format!("{command} ({date}, version {version})")
    };
    let mut facts = Vec::new();
    facts.extend(table.map(|table| ("Table", made(&table.stamp))));
    facts.extend(race.map(|race| ("Race", made(&race.stamp))));
    let folders = sources.adapters.iter();
    facts.extend(folders.map(|folder| ("Adapter", made(&folder.evidence.stamp))));
    let machines = [
        table.map(|table| (&table.stamp.machine, &table.digits)),
        race.map(|race| (&race.stamp.machine, &race.digits)),
    ];
    let mut machines: Vec<_> = machines.into_iter().flatten().collect();
    machines.dedup();
    for (machine, digits) in machines {
        let cores = machine.cores;
        facts.push((
            "Machine",
            format!("{}, {cores} cores, {}", machine.processor, machine.os),
        ));
        let (train, test) = (digits.train_examples, digits.test_examples);
        let counts = format!("{train} training and {test} test examples");
        facts.push((
            "Digits",
            format!("{}: {counts}, SHA-256 {}", digits.source, digits.sha256),
        ));
    }
    let runs = sources.runs.iter().map(|run| run.device.as_str());
    let contestants = race.iter().flat_map(|race| &race.contestants);
    let mut devices: Vec<&str> = runs
        .chain(contestants.map(|one| one.device.as_str()))
        .collect();
    devices.sort_unstable();
    devices.dedup();
    facts.push(("Devices", devices.join("; ")));
    html! {
        section {
            h2 { "What was run" }
            dl { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
        }
    }
}

const LAYOUT: &str = "\
*{box-sizing:border-box}\
body{margin:0;background:var(--surface);color:var(--ink);font:16px/1.5 system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;overflow-wrap:break-word}\
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 4rem}\
h1{font-size:1.8rem;line-height:1.2;margin:0 0 .5rem}\
h2{font-size:1.3rem;margin:2.5rem 0 .75rem}\
p,ul,dl,figcaption{max-width:46rem}\
.summary,figcaption,.caption,dt,.what{color:var(--muted)}\
.result{font-size:1.15rem;font-weight:600}\
.warning{border:2px solid var(--published);border-radius:6px;padding:.75rem 1rem;font-weight:600}\
dl{margin:0}\
dl div{display:flex;flex-wrap:wrap;gap:0 1rem;padding:.25rem 0;border-bottom:1px solid var(--grid)}\
dt{flex:0 0 6rem}\
dd{margin:0;flex:1 1 16rem;min-width:0;overflow-wrap:anywhere}\
.scroll{overflow-x:auto;margin:0 0 1.5rem}\
table{border-collapse:collapse;font-size:.8125rem;line-height:1.4;font-variant-numeric:tabular-nums;min-width:100%}\
.caption{font-size:.875rem;margin:1.5rem 0 0}\
th,td{padding:.35rem .4rem;border-bottom:1px solid var(--grid);text-align:right;white-space:nowrap}\
th{font-weight:600}\
thead th{border-bottom:2px solid var(--muted);vertical-align:bottom;white-space:normal}\
th:first-child{text-align:left;padding-left:0;white-space:normal;min-width:8.5rem}\
.what{font-weight:400}\
summary{cursor:pointer}\
figure{margin:1.5rem 0;border:1px solid var(--grid);border-radius:6px;overflow:hidden}\
figcaption{padding:.75rem 1rem;border-top:1px solid var(--grid);max-width:none;font-size:.9rem}\
.plot{display:block;width:100%;max-width:44rem;height:auto;margin:0 auto}\
@media(max-width:40rem){figure{margin-inline:-1rem;border-inline:0;border-radius:0}}\
@media print{main{max-width:none}figure,tr{break-inside:avoid}}";
