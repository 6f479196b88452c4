//! The pictures and the page in a browser: no text is cut off or runs into another one, and nothing is wider than its page,
//! on a phone and on a wide screen.
//!
//! Without Chromium (GPU_TRAIN_CHROMIUM, or the first on the path) the tests are ignored, unless GPU_TRAIN_REQUIRE_TOOLS
//! names `chromium`.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::required::is_required;

/// Shows the page at two widths, in frames that a script may look into, and writes a line per fault, then "done".
const SCRIPT: &str = r#"
const faults = [];
function check(frame) {
  const page = frame.contentDocument, width = frame.clientWidth;
  if (page.documentElement.scrollWidth > width) faults.push(`${width}: the page is ${page.documentElement.scrollWidth} wide`);
  for (const element of page.querySelectorAll('body *:not(.scroll *):not(svg *)')) {
    const { right } = element.getBoundingClientRect();
    if (right > width + 0.5) faults.push(`${width}: ${element.tagName} ends at ${right}`);
  }
  const plots = page.querySelectorAll('svg.plot');
  if (!plots.length) faults.push(`${width}: no picture`);
  for (const plot of plots) {
    const edge = plot.getBoundingClientRect(), scale = edge.width / plot.viewBox.baseVal.width;
    const texts = [...plot.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([text, box], index) => {
      const name = `${width}: ${plot.querySelector('title').id}: "${text}"`, slack = 1.5 * scale;
      if (box.left < edge.left || box.right > edge.right || box.top < edge.top || box.bottom > edge.bottom + slack)
        faults.push(`${name} leaves the picture`);
      for (const [other, its] of texts.slice(0, index))
        if (box.left < its.right && its.left < box.right && box.top + slack < its.bottom && its.top + slack < box.bottom)
          faults.push(`${name} runs into "${other}"`);
    });
    if (texts.some(([, box]) => !box.width)) faults.push(`${width}: a text without width`);
  }
}
onload = () => {
  document.querySelectorAll('iframe').forEach(check);
  document.body.textContent = `begin\n${faults.join('\n')}\nend`;
};
"#;

fn chromium() -> Result<PathBuf, String> {
    let named = std::env::var_os("GPU_TRAIN_CHROMIUM").map(PathBuf::from);
    let usual = ["chromium", "chromium-browser", "google-chrome"].map(PathBuf::from);
    let works = |path: &PathBuf| {
        Command::new(path)
            .arg("--version")
            .output()
            .is_ok_and(|ran| ran.status.success())
    };
    let found = named.into_iter().chain(usual).find(works);
    found.ok_or_else(|| "no chromium on the path, and none in GPU_TRAIN_CHROMIUM".into())
}

/// Findings of the script on a page.
fn faults(chromium: &Path, report: &str) -> Result<String, Failed> {
    let folder = tempfile::tempdir()?;
    let escaped = report.replace('&', "&amp;").replace('"', "&quot;");
    let frames = [390, 1100].map(|width| {
        format!("<iframe width=\"{width}\" height=\"800\" style=\"border:0\" srcdoc=\"{escaped}\"></iframe>")
    });
    let page = folder.path().join("page.html");
    let html = format!(
        "<!doctype html><meta charset=\"utf-8\"><script>{SCRIPT}</script>{}",
        frames.concat()
    );
    std::fs::write(&page, html)?;
    let ran = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--window-size=1600,900",
        ])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .output()?;
    let dom = String::from_utf8_lossy(&ran.stdout);
    let found = dom
        .split_once("begin\n")
        .and_then(|(_, rest)| rest.split_once("\nend"));
    match found {
        Some((faults, _)) => Ok(faults.to_owned()),
        None => Err(format!("{dom}\n{}", String::from_utf8_lossy(&ran.stderr)).into()),
    }
}

fn fits(chromium: &Path, report: &Path) -> Result<(), Failed> {
    let found = faults(chromium, &std::fs::read_to_string(report)?)?;
    if found.is_empty() {
        Ok(())
    } else {
        Err(format!("{}:\n{found}", report.display()).into())
    }
}

fn committed(chromium: &Path) -> Result<(), Failed> {
    fits(
        chromium,
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/report.html"),
    )
}

/// Two rows of two short runs, and a race of one, with long captions: both are restricted.
fn fresh(chromium: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (runs, race, out) = (path("runs"), path("race.json"), path("report"));
    let short = ["--passes", "2", "--examples", "300", "--out"];
    let commands = [
        [
            &["reproduce", "--rows", "stage-0,full-batch", "--seeds", "2"][..],
            &short,
            &[&runs],
        ]
        .concat(),
        [&["race", "--seeds", "1"][..], &short, &[&race]].concat(),
        vec!["report", &runs, "--race", &race, "--out", &out],
    ];
    for command in commands {
        let ran = Command::new(env!("CARGO_BIN_EXE_gpu-train"))
            .args(&command)
            .output()?;
        if !ran.status.success() {
            return Err(format!("{command:?}: {}", String::from_utf8_lossy(&ran.stderr)).into());
        }
    }
    fits(chromium, &folder.path().join("report/report.html"))
}

/// The check sees what it is there for.
fn planted(chromium: &Path) -> Result<(), Failed> {
    let text = |x: u32, y: u32, text: &str| format!("<text x=\"{x}\" y=\"{y}\">{text}</text>");
    let texts = [
        text(0, 30, "one"),
        text(9, 35, "two"),
        text(190, 60, "three"),
    ]
    .concat();
    let html = format!(
        "<style>*{{margin:0}}</style><svg class=\"plot\" width=\"200\" height=\"100\" viewBox=\"0 0 200 100\">\
         <title id=\"a\">a</title>{texts}</svg><p style=\"width:900px\">wide</p>"
    );
    let found = faults(chromium, &html)?;
    for expected in [
        "390: the page is 900 wide",
        "390: P ends at 900",
        "390: a: \"two\" runs into \"one\"",
        "1100: a: \"two\" runs into \"one\"",
        "1100: a: \"three\" leaves the picture",
    ] {
        if !found.contains(expected) {
            return Err(format!("{expected} is not in\n{found}").into());
        }
    }
    Ok(())
}

pub fn trials() -> Vec<Trial> {
    let required = is_required("chromium");
    let found = chromium();
    if let Err(reason) = &found {
        println!(
            "{reason}: its tests {}",
            if required { "fail" } else { "are ignored" }
        );
    }
    let trial = |name: &str, test: fn(&Path) -> Result<(), Failed>| {
        let found = found.clone();
        let ignored = found.is_err() && !required;
        let kind = found.clone().err().unwrap_or_else(|| "chromium".into());
        Trial::test(format!("browser::{name}"), move || test(&found?))
            .with_kind(kind)
            .with_ignored_flag(ignored)
    };
    vec![
        trial("the_committed_report_fits_a_phone_and_a_screen", committed),
        trial("a_fresh_report_fits_a_phone_and_a_screen", fresh),
        trial(
            "texts_that_collide_or_leave_their_picture_are_found",
            planted,
        ),
    ]
}
