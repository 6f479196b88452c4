//! Pictures and a page from the records of `gpu-train reproduce` and `gpu-train race`, and the folders of
//! `scripts/gpu-evidence`.
//!
//! A picture is one SVG that follows the reader's light or dark theme and needs no font: `race`, `adapters` (two pictures),
//! `table`, `curves` (two pictures), `misses` and `kernels` draw one from its record, on a `sheet` whose `canvas` writes shapes as
//! text. `page` puts all of them into `report.html`. The same records give the same bytes.

use std::path::{Path, PathBuf};

use gpu_train::data::{Digits, fingerprint};
use gpu_train::error::{Error, Result};
use gpu_train::experiment::record::{RaceRecord, RunRecord, Table};
use gpu_train::net::Parameters;
use gpu_train::{file, weights};

mod adapters;
mod axis;
mod canvas;
mod curves;
mod font;
mod kernels;
mod misses;
mod page;
mod race;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod theme;

pub use adapters::{Folder, race_of_all};

/// Width of every picture, in user units: what a phone shows with legible text.
const WIDTH: f64 = 520.0;

/// A finished picture.
#[derive(Debug, Clone, PartialEq)]
struct Drawing {
    /// Stem of its file, such as `race`.
    name: &'static str,
    title: String,
    /// Alternative text.
    description: String,
    /// Height in user units; the width is [`WIDTH`].
    height: f64,
    /// Shapes, as SVG.
    body: String,
}

impl Drawing {
    /// The file's content.
    fn svg(&self) -> String {
        self.element(&format!("<style>{}</style>\n", theme::css()))
    }

    /// An element for a page that has the rules of [`theme::css`].
    fn inline(&self) -> String {
        self.element("")
    }

    fn element(&self, style: &str) -> String {
        let Self { name, body, .. } = self;
        let (width, height) = (canvas::number(WIDTH), canvas::number(self.height));
        let [title, description] =
            [&self.title, &self.description].map(|text| canvas::escape(text));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{name}-title {name}-description\" \
             font-family=\"{}\">\n\
             <title id=\"{name}-title\">{title}</title>\n<desc id=\"{name}-description\">{description}</desc>\n{style}\
             <rect width=\"{width}\" height=\"{height}\" class=\"fill-surface\"/>\n{body}</svg>\n",
            font::FAMILY,
        )
    }
}

/// Records that pictures are drawn from; each may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// The table of `gpu-train reproduce`.
    pub table: Option<&'a Table>,
    /// Its runs.
    pub runs: &'a [RunRecord],
    /// Folder of the weights that the runs name.
    pub weights: Option<&'a Path>,
    /// The digits, for the picture of the missed ones; others than those of the runs are not used.
    pub digits: Option<&'a Digits>,
    /// The race.
    pub race: Option<&'a RaceRecord>,
    /// Folders of adapters that were measured.
    pub adapters: &'a [Folder],
}

/// The files written, and the pictures that could not be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The files, `report.html` first.
    pub files: Vec<PathBuf>,
    /// A line for each picture that is missing.
    pub missing: Vec<String>,
}

/// All pictures of the sources, and the page with them.
#[derive(Debug)]
pub struct Report {
    /// The page, `report.html`.
    pub html: String,
    drawings: Vec<Drawing>,
    /// A line for each picture that is missing.
    missing: Vec<String>,
}

impl Report {
    /// Draws all that the sources have.
    ///
    /// # Errors
    /// [`Error::File`] if weights cannot be read.
    pub fn of(sources: &Sources<'_>) -> Result<Self> {
        let parameters = sources.parameters()?;
        let (drawings, missing) = sources.draw(parameters.as_ref());
        Ok(Self {
            html: page::html(sources, &drawings),
            drawings,
            missing,
        })
    }
}

/// Draws all that the sources have and writes it into a folder, which is made if need be: each picture as `NAME.svg`,
/// and `report.html` with all of them.
///
/// # Errors
/// [`Error::File`] if weights cannot be read or a file cannot be written.
pub fn write(sources: &Sources<'_>, folder: &Path) -> Result<Written> {
    let Report {
        html,
        drawings,
        missing,
    } = Report::of(sources)?;
    std::fs::create_dir_all(folder).map_err(|error| {
        let problem = format!("found that it cannot be made ({error}), expected a folder");
        Error::file(folder, problem)
    })?;
    file::remove_leftovers_in(folder);
    let page = folder.join("report.html");
    file::write_atomically(&page, html.as_bytes())?;
    let mut files = vec![page];
    for drawing in &drawings {
        files.push(write_picture(drawing, folder)?);
    }
    Ok(Written { files, missing })
}

/// Draws the race and writes it into a folder that is there, as `race.svg`.
///
/// # Errors
/// [`Error::File`] if the file cannot be written.
pub fn write_race(record: &RaceRecord, folder: &Path) -> Result<PathBuf> {
    write_picture(&race::draw(record), folder)
}

fn write_picture(drawing: &Drawing, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(format!("{}.svg", drawing.name));
    file::write_atomically(&path, drawing.svg().as_bytes())?;
    Ok(path)
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

    /// That net's weights.
    fn parameters(&self) -> Result<Option<Parameters>> {
        let name = self.net().and_then(|run| run.weights.as_ref());
        let path = self
            .weights
            .zip(name)
            .map(|(folder, name)| folder.join(name));
        let weights = path.map(|path| weights::load(&path)).transpose()?;
        Ok(weights.map(|weights| weights.parameters))
    }

    /// Draws what can be drawn, in the page's order, and says why the rest cannot.
    fn draw(&self, parameters: Option<&Parameters>) -> (Vec<Drawing>, Vec<String>) {
        let mut missing = Vec::new();
        let mut drawings: Vec<Drawing> = self.race.map(race::draw).into_iter().collect();
        drawings.extend(adapters::steps(self.adapters));
        drawings.extend(adapters::kernels(self.adapters));
        for folder in self.adapters {
            missing.extend(folder.missing());
        }
        let Some(table) = self.table else {
            return (drawings, missing);
        };
        drawings.push(table::draw(table));
        drawings.extend(curves::learning_curves(table, self.runs));
        drawings.extend(curves::error_by_step(table, self.runs));
        if self.runs.iter().all(|run| run.last().is_none()) {
            missing.push("learning-curves, error-by-step: no record of a run that ended".into());
        }
        let Some(run) = self.net() else {
            missing
                .push("misses, kernels: no record of a run that kept what its net misses".into());
            return (drawings, missing);
        };
        match self.digits {
            Some(digits) if fingerprint(digits) == run.identity.digits.sha256 => {
                drawings.push(misses::draw(table, run, &digits.test));
            }
            Some(_) => missing.push(format!(
                "misses: these are not the digits of the runs ({})",
                run.identity.digits.source
            )),
            None => missing.push("misses: no digits".into()),
        }
        match parameters {
            Some(parameters) => drawings.push(kernels::h1_filters(table, run, parameters)),
            None => missing.push("kernels: no weights".into()),
        }
        (drawings, missing)
    }
}
