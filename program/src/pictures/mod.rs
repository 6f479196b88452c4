//! From records to pictures and the page: what stands in which, and the files.

use std::path::{Path, PathBuf};

use self::page::{Figure, Grid, Page, Section};
use self::plot::Drawing;
use self::plot::theme::Theme;
use crate::text::{race, reproduce};
use gpu_train::data::{Digits, fingerprint};
use gpu_train::error::{Error, Result};
use gpu_train::experiment::record::{RaceRecord, RunRecord, Table};
use gpu_train::net::Parameters;
use gpu_train::{file, weights};

pub mod page;
pub mod plot;
mod series;

use series::{caption, curves, error_by_step, intervals, kernels, misses, race_bars};

/// What pictures are made of; each part may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// The table of `gpu-train reproduce`.
    pub table: Option<&'a Table>,
    /// Its runs.
    pub runs: &'a [RunRecord],
    /// Where the weights that the runs name lie.
    pub weights: Option<&'a Path>,
    /// The digits, for the picture of the missed ones; others than those of the runs are not used.
    pub digits: Option<&'a Digits>,
    /// The race.
    pub race: Option<&'a RaceRecord>,
}

/// What was written, and what could not be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The files, `report.html` first.
    pub files: Vec<PathBuf>,
    /// A line for each picture that is missing.
    pub missing: Vec<String>,
}

/// Draws all that the sources have and writes it into a folder, which is made if need be: of each picture
/// `NAME-light.svg`, `NAME-dark.svg` and the same as `.png`, and `report.html` with all of them.
///
/// # Errors
/// [`Error::File`] if weights cannot be read or a file cannot be written.
pub fn write(sources: &Sources<'_>, folder: &Path) -> Result<Written> {
    let parameters = match sources.net() {
        Some(run) => sources.parameters(run)?,
        None => None,
    };
    std::fs::create_dir_all(folder).map_err(|error| {
        let problem = format!("found that it cannot be made ({error}), expected a folder");
        Error::file(folder, problem)
    })?;
    let (page, missing) = sources.page(parameters.as_ref());
    let mut files = vec![folder.join("report.html")];
    file::write_atomically(&files[0], page.html().as_bytes())?;
    for drawing in drawings(&page) {
        files.extend(write_picture(drawing, folder)?);
    }
    Ok(Written { files, missing })
}

/// Draws the race and writes it into a folder that is there.
///
/// # Errors
/// [`Error::File`] if a file cannot be written.
pub fn write_race(record: &RaceRecord, folder: &Path) -> Result<Vec<PathBuf>> {
    write_picture(&race_bars(record).draw(), folder)
}

fn write_picture(drawing: &Drawing, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let path = |kind: &str| folder.join(format!("{}-{name}.{kind}", drawing.name));
        let (svg, png) = (path("svg"), path("png"));
        file::write_atomically(&svg, drawing.svg(theme).as_bytes())?;
        file::write_atomically(&png, &drawing.png(theme)?)?;
        files.extend([svg, png]);
    }
    Ok(files)
}

fn drawings(page: &Page) -> impl Iterator<Item = &Drawing> {
    let figures = page.sections.iter().flat_map(|section| &section.figures);
    figures.map(|figure| &figure.drawing)
}

impl Sources<'_> {
    /// The run whose net is shown: of the row with the fewest misses on average, the one that kept its missed examples.
    fn net(&self) -> Option<&RunRecord> {
        let rows = self.table?.rows.iter();
        let mut rows: Vec<_> = rows
            .filter_map(|row| Some((row.statistics.as_ref()?.mean, &row.row)))
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let kept = |name: &String| {
            let mut runs = self.runs.iter();
            runs.find(|run| run.identity.row == *name && run.missed.is_some())
        };
        rows.into_iter().find_map(|(_, name)| kept(name))
    }

    fn parameters(&self, run: &RunRecord) -> Result<Option<Parameters>> {
        match (self.weights, &run.weights) {
            (Some(folder), Some(name)) => Ok(Some(weights::load(&folder.join(name))?.parameters)),
            _ => Ok(None),
        }
    }

    fn page(&self, parameters: Option<&Parameters>) -> (Page, Vec<String>) {
        let mut missing = Vec::new();
        let mut sections = Vec::new();
        if let Some(race) = self.race {
            sections.push(race_section(race));
        }
        if let Some(table) = self.table {
            sections.push(table_section(table));
            sections.push(self.course(table, &mut missing));
            sections.push(self.net_section(table, parameters, &mut missing));
        }
        sections.retain(|section| !(section.text.is_empty() && section.figures.is_empty()));
        let page = Page {
            title: "gpu-train: the 1989 net, reproduced and raced".into(),
            summary: "LeCun et al.'s convnet of 1989, trained again: how well it does beside the published figures, and how long it takes.".into(),
            warning: self.warning(),
            facts: self.facts(),
            sections,
        };
        (page, missing)
    }

    fn warning(&self) -> String {
        let table = self.table.map_or(&[][..], |table| &table.restrictions);
        let race = self.race.map_or(&[][..], |race| &race.restrictions);
        let mut all: Vec<&String> = table.iter().collect();
        all.extend(race.iter().filter(|text| !table.contains(text)));
        if all.is_empty() {
            return String::new();
        }
        let all: Vec<&str> = all.into_iter().map(String::as_str).collect();
        format!(
            "Restricted, not comparable with published figures: {}.",
            all.join("; ")
        )
    }

    fn facts(&self) -> Vec<(String, String)> {
        let mut facts = Vec::new();
        let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
        if let Some(table) = self.table {
            fact(
                "Table",
                format!(
                    "{} ({}, version {})",
                    table.command, table.date, table.version
                ),
            );
        }
        if let Some(race) = self.race {
            fact(
                "Race",
                format!("{} ({}, version {})", race.command, race.date, race.version),
            );
        }
        let machines = [
            self.table.map(|table| (&table.machine, &table.digits)),
            self.race.map(|race| (&race.machine, &race.digits)),
        ];
        let mut machines: Vec<_> = machines.into_iter().flatten().collect();
        machines.dedup();
        for (machine, digits) in machines {
            let cores = machine.cores;
            fact(
                "Machine",
                format!("{}, {cores} cores, {}", machine.processor, machine.os),
            );
            fact(
                "Digits",
                format!(
                    "{}: {} training and {} test examples, SHA-256 {}",
                    digits.source, digits.train_examples, digits.test_examples, digits.sha256
                ),
            );
        }
        let mut devices: Vec<&str> = self.runs.iter().map(|run| run.device.as_str()).collect();
        devices.extend(
            self.race
                .iter()
                .flat_map(|race| &race.contestants)
                .map(|one| one.device.as_str()),
        );
        devices.sort_unstable();
        devices.dedup();
        fact("Devices", devices.join("; "));
        facts
    }

    /// Learning curves, and one row's errors.
    fn course(&self, table: &Table, missing: &mut Vec<String>) -> Section {
        let mut section = Section {
            heading: "The course of training".into(),
            ..Section::default()
        };
        if self.runs.iter().all(|run| run.last().is_none()) {
            missing.push("learning-curves, error-by-step: no record of a run that ended".into());
            return section;
        }
        section.figures.push(Figure {
            drawing: curves(table, self.runs).draw(),
            reading: "Each panel is a row of the table, all on the same axes: down is better, right is longer. The line \
                is the mean of all seeds, the band reaches from the best to the worst, the dashed line is what was \
                published for the end of training."
                .into(),
        });
        match error_by_step(table, self.runs) {
            Some(data) => section.figures.push(Figure {
                drawing: data.draw(),
                reading: "Where the two curves part, the net begins to learn its training digits by heart.".into(),
            }),
            None => missing.push("error-by-step: no row with curves".into()),
        }
        section
    }

    /// What one net misses and has learned.
    fn net_section(
        &self,
        table: &Table,
        parameters: Option<&Parameters>,
        missing: &mut Vec<String>,
    ) -> Section {
        let mut section = Section {
            heading: "One net".into(),
            ..Section::default()
        };
        let Some(run) = self.net() else {
            missing
                .push("misses, kernels: no record of a run that kept what its net misses".into());
            return section;
        };
        match self.digits {
            Some(digits) if fingerprint(digits) == run.identity.digits.sha256 => {
                section.figures.push(Figure {
                    drawing: misses(table, run, &digits.test).draw(),
                    reading: "The essay's picture of the remaining errors. Some of these digits people would miss too."
                        .into(),
                });
            }
            Some(_) => missing.push(format!(
                "misses: these are not the digits of the runs ({})",
                run.identity.digits.source
            )),
            None => missing.push("misses: no digits".into()),
        }
        match parameters {
            Some(parameters) => section.figures.push(Figure {
                drawing: kernels(table, run, parameters).draw(),
                reading: "Each of H1's twelve maps looks at the digit through one of these windows: ink under blue \
                    squares excites it, ink under orange ones inhibits it."
                    .into(),
            }),
            None => missing.push("kernels: no weights".into()),
        }
        section
    }
}

fn race_section(record: &RaceRecord) -> Section {
    let head = race::COLUMNS.iter().map(|(name, _)| (*name).to_owned());
    let rows = record.contestants.iter().map(|one| {
        let cells: Vec<String> = match &one.standing {
            Some(standing) => race::COLUMNS.map(|(_, show)| show(one, standing)).into(),
            None => race::COLUMNS.map(|_| "-".to_owned()).into(),
        };
        std::iter::once(one.name.clone()).chain(cells).collect()
    });
    Section {
        heading: "The race".into(),
        text: record.verdict.clone(),
        points: record.rule.text.clone(),
        grid: Some(Grid {
            caption: format!("Who raced, {}; times are medians", caption(&record.machine, &record.date, &record.version)),
            head: std::iter::once("contestant".to_owned()).chain(head).collect(),
            rows: rows.collect(),
        }),
        figures: vec![Figure {
            drawing: race_bars(record).draw(),
            reading: "Each gridline is a fixed factor, not a fixed time, from the one before: a bar half as long is not \
                half the time. Published times are from other machines."
                .into(),
        }],
    }
}

fn table_section(table: &Table) -> Section {
    let head = reproduce::COLUMNS
        .iter()
        .map(|(name, _)| (*name).to_owned());
    let rows = table
        .rows
        .iter()
        .map(|row| reproduce::COLUMNS.map(|(_, show)| show(row)).into());
    Section {
        heading: "The table".into(),
        text: vec!["Test misses of each recipe over several seeds, beside what was published for it.".into()],
        points: table.notes.clone(),
        grid: Some(Grid {
            caption: caption(&table.machine, &table.date, &table.version),
            head: head.collect(),
            rows: rows.collect(),
        }),
        figures: vec![Figure {
            drawing: intervals(table).draw(),
            reading: "A published figure is one run: it agrees with ours if its diamond lies within the thin line."
                .into(),
        }],
    }
}
