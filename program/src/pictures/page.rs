//! `report.html`: one file that opens without a network and needs no JavaScript.
//!
//! [`maud`] escapes every text; only the pictures' SVG, which escapes its own, goes in as it is.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::plot::Drawing;
use super::plot::theme::{Role, Theme, css};

/// A table whose first column names the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// What it shows.
    pub caption: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// The rows, each as long as the head.
    pub rows: Vec<Vec<String>>,
}

/// A picture and how to read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The picture.
    pub drawing: Drawing,
    /// How to read it.
    pub reading: String,
}

/// A part of the page: text, then a table, then pictures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// Paragraphs.
    pub text: Vec<String>,
    /// A list of points below them.
    pub points: Vec<String>,
    /// A table.
    pub grid: Option<Grid>,
    /// Pictures.
    pub figures: Vec<Figure>,
}

/// The whole page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Title.
    pub title: String,
    /// One sentence below it.
    pub summary: String,
    /// A warning that must not be overlooked; none if empty.
    pub warning: String,
    /// What was run, as names and values.
    pub facts: Vec<(String, String)>,
    /// The parts.
    pub sections: Vec<Section>,
}

impl Page {
    /// The file's content.
    pub fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(style())) }
                }
                body {
                    main {
                        h1 { (self.title) }
                        p .summary { (self.summary) }
                        @if !self.warning.is_empty() { p .warning role="note" { (self.warning) } }
                        @if !self.facts.is_empty() { (facts(&self.facts)) }
                        @for part in &self.sections { (section(part)) }
                    }
                }
            }
        };
        let mut text = page.into_string();
        text.push('\n');
        text
    }
}

fn facts(facts: &[(String, String)]) -> Markup {
    html! {
        section {
            h2 { "What was run" }
            dl {
                @for (name, value) in facts {
                    div { dt { (name) } dd { (value) } }
                }
            }
        }
    }
}

fn section(part: &Section) -> Markup {
    html! {
        section {
            h2 { (part.heading) }
            @for text in &part.text { p { (text) } }
            @if !part.points.is_empty() {
                ul { @for point in &part.points { li { (point) } } }
            }
            @if let Some(found) = &part.grid { (grid(found)) }
            @for figure in &part.figures {
                figure {
                    (PreEscaped(figure.drawing.inline()))
                    figcaption { (figure.reading) }
                }
            }
        }
    }
}

/// Scrolls within itself on a narrow screen, by keyboard too.
fn grid(grid: &Grid) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label=(grid.caption) {
            table {
                caption { (grid.caption) }
                thead { tr { @for name in &grid.head { th scope="col" { (name) } } } }
                tbody {
                    @for row in &grid.rows {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                @if column == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The page's rules; colours are those of the pictures.
fn style() -> String {
    let variables = |theme| {
        let colour = |role: Role| format!("--{}:{};", role.name(), role.colour(theme));
        Role::ALL.map(colour).concat()
    };
    format!(
        ":root{{{}}}{}@media(prefers-color-scheme:dark){{:root{{{}}}{}}}{LAYOUT}",
        variables(Theme::Light),
        css(Theme::Light, ".plot "),
        variables(Theme::Dark),
        css(Theme::Dark, ".plot "),
    )
}

const LAYOUT: &str = "\
*{box-sizing:border-box}\
body{margin:0;background:var(--surface);color:var(--ink);font:16px/1.5 Inter,system-ui,'Segoe UI',Helvetica,Arial,sans-serif}\
main{max-width:52rem;margin:0 auto;padding:2rem 1rem 4rem}\
h1{font-size:1.8rem;line-height:1.2;margin:0 0 .5rem}\
h2{font-size:1.3rem;margin:2.5rem 0 .75rem}\
.summary,figcaption,caption,dt{color:var(--muted)}\
.warning{border:2px solid var(--published);border-radius:6px;padding:.75rem 1rem;font-weight:600}\
dl{margin:0}\
dl div{display:flex;flex-wrap:wrap;gap:0 1rem;padding:.25rem 0;border-bottom:1px solid var(--grid)}\
dt{flex:0 0 9rem}\
dd{margin:0;flex:1 1 16rem;overflow-wrap:anywhere}\
.scroll{overflow-x:auto}\
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;min-width:100%}\
caption{text-align:left;padding-bottom:.5rem}\
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--grid);text-align:right;white-space:nowrap}\
th{font-weight:600}\
thead th{border-bottom:2px solid var(--muted);vertical-align:bottom;white-space:normal}\
th:first-child{text-align:left;padding-left:0}\
figure{margin:1.5rem 0;border:1px solid var(--grid);border-radius:6px;overflow:hidden}\
figcaption{padding:.75rem 1.25rem;border-top:1px solid var(--grid);font-size:.9rem}\
.plot{display:block;width:100%;height:auto}\
@media print{main{max-width:none}figure,tr{break-inside:avoid}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_text_is_escaped() {
        let bad = "<script>alert(\"1\")</script>&'".to_owned();
        let page = Page {
            title: bad.clone(),
            summary: bad.clone(),
            warning: bad.clone(),
            facts: vec![(bad.clone(), bad.clone())],
            sections: vec![Section {
                heading: bad.clone(),
                text: vec![bad.clone()],
                points: vec![bad.clone()],
                grid: Some(Grid {
                    caption: bad.clone(),
                    head: vec![bad.clone()],
                    rows: vec![vec![bad.clone(), bad.clone()]],
                }),
                figures: vec![Figure {
                    drawing: crate::pictures::plot::Kernels {
                        net: bad.clone(),
                        kernels: Vec::new(),
                        caption: bad.clone(),
                    }
                    .draw(),
                    reading: bad,
                }],
            }],
        };
        let html = page.html();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("alert(\""), "{html}");
        // Each place once, the title and the grid's caption twice; the picture's net in its line and its description.
        assert_eq!(html.matches("&lt;script&gt;").count(), 18, "{html}");
    }

    #[test]
    fn nothing_is_fetched_and_both_themes_are_there() {
        let html = Page::default().html();
        for outside in ["src=", "href=", "url(", "@import", "<script"] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(html.contains("prefers-color-scheme:dark"));
        for theme in [Theme::Light, Theme::Dark] {
            assert!(html.contains(Role::Measured.colour(theme)));
        }
    }
}
