//! The verdict on the essay's "another ~100X", of one run and of a race, in sentences made of their numbers.
//!
//! ```
//! use gpu_train::data::Source;
//! use gpu_train::experiment::verdict::Verdict;
//!
//! let verdict = Verdict::of(0.5, 70.0, Source::Mnist1989, &[]);
//! assert_eq!(verdict.over_essay(), Some(180.0));
//! // A net that misses more than the essay's is no answer.
//! assert_eq!(Verdict::of(0.5, 90.0, Source::Mnist1989, &[]).over_essay(), None);
//! ```

use crate::data::Source;
use crate::experiment::record::{Contestant, ContestantKind, RaceRecord, Standing};
use crate::recipe::RecipeName;

/// Seconds the essay's PyTorch script took for 23 epochs of batch 1 on an M1 laptop's CPU.
pub const ESSAY_SECONDS: f64 = 90.0;
/// Gain over those seconds that the essay expects of the full batch on a GPU.
pub const ESSAY_CLAIM: f64 = 100.0;
/// Test misses of the essay's reproduction.
pub const TARGET: u32 = 82;

/// Verdict of a training time on the essay's claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Nothing, for these reasons: it is not compared with the essay's time.
    Incomparable(String),
    /// Nothing: the net misses this many test digits, more than [`TARGET`].
    NoAnswer(f64),
    /// The essay's seconds over the training time; [`ESSAY_CLAIM`] or more reach the claim.
    Answer(f64),
}

impl Verdict {
    /// The verdict on a run, or on the median seconds and mean test misses of several.
    pub fn of(seconds: f64, misses: f64, source: Source, restrictions: &[String]) -> Self {
        if !restrictions.is_empty() {
            Self::Incomparable(restrictions.join("; "))
        } else if source != Source::Mnist1989 {
            Self::Incomparable("other digits than the essay's".into())
        } else if misses > f64::from(TARGET) {
            Self::NoAnswer(misses)
        } else {
            Self::Answer(ESSAY_SECONDS / seconds)
        }
    }

    /// The essay's seconds over the training time, where that is an answer to its claim.
    pub fn over_essay(&self) -> Option<f64> {
        match self {
            Self::Answer(factor) => Some(*factor),
            Self::Incomparable(_) | Self::NoAnswer(_) => None,
        }
    }

    /// The verdict in words that follow a training time.
    pub fn words(&self) -> String {
        match self {
            Self::Incomparable(why) => format!("not compared with the essay's 90 s ({why})"),
            Self::NoAnswer(misses) => format!(
                "no answer to the claim, with {misses:.0} test misses where the essay's reproduction has {TARGET}"
            ),
            Self::Answer(factor) => {
                let not = if *factor >= ESSAY_CLAIM { "" } else { "not " };
                let faster = speed_than(*factor);
                format!("{faster} the essay's 90 s (~100X {not}reached)")
            }
        }
    }
}

/// A contestant that finished a run.
type Finisher<'a> = (&'a Contestant, &'a Standing);

/// The sentences on a race whose standings are filled in.
pub fn of_race(race: &RaceRecord) -> Vec<String> {
    let finishers: Vec<Finisher> = race
        .contestants
        .iter()
        .filter_map(|one| Some((one, one.standing.as_ref()?)))
        .collect();
    let mut sentences = vec![claim(race, &finishers)];
    sentences.extend(race.contestants.iter().filter_map(|one| out(race, one)));
    sentences.extend(framework(race, &finishers));
    sentences.extend(parts(&finishers));
    sentences
}

/// A sentence on whether ~100X is reached, and by which contestants.
fn claim(race: &RaceRecord, finishers: &[Finisher]) -> String {
    if !race.restrictions.is_empty() {
        return format!(
            "This race is restricted ({}) and says nothing about the essay's ~{ESSAY_CLAIM:.0}X: nothing is compared with \
             its {ESSAY_SECONDS:.0} s.",
            race.restrictions.join("; ")
        );
    }
    let what = format!(
        "The essay's ~{ESSAY_CLAIM:.0}X over its {ESSAY_SECONDS:.0} s, at a mean of {} misses or fewer,",
        race.rule.target_misses.min(TARGET)
    );
    let mut answers: Vec<(f64, String)> = finishers
        .iter()
        .filter(|(_, found)| found.qualifies)
        .filter_map(|(one, found)| {
            let factor = found.over_essay?;
            let time = seconds(found.train.median);
            Some((factor, format!("{} in {time}, {}", one.name, speed(factor))))
        })
        .collect();
    answers.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let Some((_, nearest)) = answers.first() else {
        return format!("{what} is not reached: no contestant qualifies.");
    };
    let reached = answers.iter().filter(|(factor, _)| *factor >= ESSAY_CLAIM);
    let reached: Vec<&str> = reached.map(|(_, text)| text.as_str()).collect();
    match reached.join("; ") {
        none if none.is_empty() => format!("{what} is not reached: nearest is {nearest}."),
        reached => format!("{what} is reached by {reached}."),
    }
}

/// The reason why a contestant does not qualify.
fn out(race: &RaceRecord, one: &Contestant) -> Option<String> {
    let name = &one.name;
    let Some(found) = &one.standing else {
        return Some(format!("{name} does not qualify: all of its runs failed."));
    };
    let (mean, target) = (found.misses.mean, race.rule.target_misses);
    match one.failed.len() {
        _ if found.qualifies => None,
        0 if found.undecided => Some(format!(
            "{name} is undecided: the interval of its mean, {mean:.1} test misses, straddles {target}; more seeds would \
             tell."
        )),
        0 => Some(format!(
            "{name} does not qualify: its mean of {mean:.1} test misses is above {target}, so its time is no answer."
        )),
        failed => Some(format!(
            "{name} does not qualify: {failed} of its runs failed."
        )),
    }
}

fn of_kind<'a, 'b>(
    finishers: &'a [Finisher<'b>],
    kind: ContestantKind,
) -> impl Iterator<Item = &'a Finisher<'b>> {
    finishers.iter().filter(move |(one, _)| one.kind == kind)
}

/// A sentence on the speed-up at batch 1, which is due to another program and another machine.
fn framework(race: &RaceRecord, finishers: &[Finisher]) -> Option<String> {
    let (_, found) = of_kind(finishers, ContestantKind::PerExample).next()?;
    Some(format!(
        "Leaving the framework: still one example at a time, {} is {} the essay's {ESSAY_SECONDS:.0} s. That is \
         another program without a framework's overhead for each example, and another machine; how much is which cannot be \
         told here: the essay's was an M1 laptop, this is {}.",
        seconds(found.train.median),
        speed_than(found.over_essay?),
        race.stamp.machine.processor
    ))
}

/// The changes that the factor is made of: a sentence each, from the recipe before to the one after, on one core.
const CHANGES: [(&str, RecipeName, RecipeName); 5] = [
    (
        "The recipe (functions, rate and length searched, still batch 1)",
        RecipeName::Reproduction,
        RecipeName::PerExample,
    ),
    (
        "The closed-form start, at batch 1",
        RecipeName::PerExample,
        RecipeName::PerExampleClosedForm,
    ),
    (
        "The full batch, from the closed-form start",
        RecipeName::PerExampleClosedForm,
        RecipeName::FullBatch,
    ),
    (
        "The full batch, from drawn weights",
        RecipeName::PerExample,
        RecipeName::FullBatchRandom,
    ),
    (
        "The closed-form start, over the full batch",
        RecipeName::FullBatchRandom,
        RecipeName::FullBatch,
    ),
];

/// The other parts of the factor: recipe, start, full batch, cores and GPU, one change at a time.
fn parts(finishers: &[Finisher]) -> Vec<String> {
    let of_recipe = |name: &str| {
        let mut found = finishers.iter().filter(|(one, _)| one.recipe_name == name);
        found.find(|(one, _)| one.cores == Some(1))
    };
    let mut sentences = Vec::new();
    for (what, before, after) in CHANGES {
        let [before, after] = [before, after].map(|name| of_recipe(&name.to_string()));
        if let (Some((_, before)), Some((_, after))) = (before, after) {
            sentences.push(format!("{what}: on one core, {}.", change(before, after)));
        }
    }
    if !sentences.is_empty() {
        sentences.push(
            "The full batch brings the update rule that it allows, whitened Muon, and each recipe the length that its \
             search chose: these are not changed apart."
                .into(),
        );
    }
    sentences.extend(devices(finishers));
    sentences
}

/// Sentences on the gain from the cores and the GPU, for the fastest recipe for the full batch.
fn devices(finishers: &[Finisher]) -> Vec<String> {
    let mut sentences = Vec::new();
    let all = || {
        finishers
            .iter()
            .filter(|(one, _)| one.kind != ContestantKind::PerExample)
    };
    let qualified = || all().filter(|(_, found)| found.qualifies);
    let Some((leader, _)) = fastest(qualified()).or_else(|| fastest(all())) else {
        return sentences;
    };
    let recipe = &leader.recipe_name;
    let with_recipe = |kind| of_kind(finishers, kind).filter(|(one, _)| one.recipe_name == *recipe);
    let one_core = with_recipe(ContestantKind::Cpu).find(|(one, _)| one.cores == Some(1));
    let all_cores = with_recipe(ContestantKind::Cpu).max_by_key(|(one, _)| one.cores);
    if let (Some((_, before)), Some((one, after))) = (one_core, all_cores)
        && let Some(cores @ 2..) = one.cores
    {
        sentences.push(format!(
            "The cores ({recipe}): on {cores} instead of one, {}.",
            change(before, after)
        ));
    }
    match (all_cores, fastest(with_recipe(ContestantKind::Gpu))) {
        (Some((_, before)), Some((one, after))) => sentences.push(format!(
            "The GPU ({recipe}): on {} instead of all cores, {}.",
            one.device,
            change(before, after)
        )),
        _ => sentences
            .push("The GPU: no real one raced, so what one adds is not measured here.".into()),
    }
    if all().any(|(one, _)| one.kind == ContestantKind::Software) {
        sentences.push(
            "A software adapter is the processor running a GPU's kernels: its time says nothing about GPUs."
                .into(),
        );
    }
    sentences
}

fn fastest<'a, 'b: 'a>(
    finishers: impl Iterator<Item = &'a Finisher<'b>>,
) -> Option<&'a Finisher<'b>> {
    finishers.min_by(|(_, a), (_, b)| a.train.median.total_cmp(&b.train.median))
}

/// From one time to another, in words, and the mean test misses of both.
fn change(before: &Standing, after: &Standing) -> String {
    let (from, to) = (before.train.median, after.train.median);
    format!(
        "{} to {}, {} ({:.1} and {:.1} misses)",
        seconds(from),
        seconds(to),
        speed(from / to),
        before.misses.mean,
        after.misses.mean
    )
}

/// Largest factor that is no difference once it is rounded.
const EQUAL: f64 = 1.05;

/// A speed-up in words: "12.3 times as fast", "about as fast", or "2.0 times slower".
pub fn speed(speedup: f64) -> String {
    if speedup >= EQUAL {
        format!("{} times as fast", factor(speedup))
    } else if is_slower(speedup) {
        format!("{} times slower", factor(1.0 / speedup))
    } else {
        "about as fast".into()
    }
}

/// The same in front of what it is compared with: "12.3 times as fast as", or "2.0 times slower than".
pub fn speed_than(speedup: f64) -> String {
    let than = if is_slower(speedup) { "than" } else { "as" };
    format!("{} {than}", speed(speedup))
}

fn is_slower(speedup: f64) -> bool {
    speedup <= 1.0 / EQUAL
}

/// A factor with a decimal up to 100, and two significant digits below 1.
pub fn factor(value: f64) -> String {
    let decimals = match value {
        100.0.. => 0,
        1.0.. => 1,
        _ if value > 0.0 => 1 - value.log10().floor() as i32,
        _ => 1,
    };
    format!("{value:.*}", decimals as usize)
}

/// Seconds, to three figures where they are few.
pub fn seconds(value: f64) -> String {
    let decimals = match value {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    format!("{value:.decimals$} s")
}
