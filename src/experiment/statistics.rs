//! Quantiles, mean and t intervals of a sample, and the forms in which records state them.
//!
//! ```
//! use gpu_train::experiment::statistics::{Sample, Statistics};
//!
//! let times = Sample::of([3.0, 1.0, 2.0, 10.0]).unwrap();
//! assert_eq!((times.median(), times.mean()), (2.5, 4.0));
//!
//! // Test misses of five seeds: the mean's interval, and whether one more run may miss 82.
//! let misses = Statistics::of(&[70, 74, 68, 71, 73]).unwrap();
//! let [low, high] = misses.mean_interval.unwrap();
//! assert!(low < 71.2 && 71.2 < high);
//! assert_eq!(misses.predicts(82), Some(false));
//! ```

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Upper quantile of the two-sided 95% intervals.
const UPPER: f64 = 0.975;

/// Values of one quantity, at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    ascending: Vec<f64>,
}

impl Sample {
    /// These values, in any order; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut ascending: Vec<f64> = values.into_iter().collect();
        ascending.sort_by(f64::total_cmp);
        (!ascending.is_empty()).then_some(Self { ascending })
    }

    /// The value that this share of the sample is at most, on a straight line between two values.
    pub fn quantile(&self, share: f64) -> f64 {
        let position = share * (self.ascending.len() - 1) as f64;
        let below = self.ascending[position as usize];
        let above = self.ascending[position.ceil() as usize];
        below + (above - below) * position.fract()
    }

    /// The middle value, or the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    fn n(&self) -> f64 {
        self.ascending.len() as f64
    }

    /// Mean.
    pub fn mean(&self) -> f64 {
        self.ascending.iter().sum::<f64>() / self.n()
    }

    /// Standard deviation with n − 1; `None` for one value.
    pub fn sd(&self) -> Option<f64> {
        let mean = self.mean();
        let squares: f64 = self.ascending.iter().map(|v| (v - mean).powi(2)).sum();
        (self.n() > 1.0).then(|| (squares / (self.n() - 1.0)).sqrt())
    }

    /// The mean ± t·sd·`scale`, t of Student's distribution with n − 1 degrees of freedom, for 95%.
    fn interval(&self, scale: f64) -> Option<[f64; 2]> {
        let half = student_t(self.n() - 1.0) * self.sd()? * scale;
        Some([self.mean() - half, self.mean() + half])
    }
}

/// The 97.5% quantile of Student's t distribution; not a number for 0 degrees of freedom or fewer.
fn student_t(degrees_of_freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, degrees_of_freedom).map_or(f64::NAN, |t| t.inverse_cdf(UPPER))
}

/// Median and range of a race's times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Median.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl From<Sample> for Spread {
    fn from(sample: Sample) -> Self {
        Self {
            median: sample.median(),
            min: sample.quantile(0.0),
            max: sample.quantile(1.0),
        }
    }
}

/// Median and tenths of a benchmark's times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Half of the samples are at most this.
    pub median: f64,
    /// A tenth of the samples are at most this.
    pub p10: f64,
    /// Nine tenths of the samples are at most this.
    pub p90: f64,
    /// Number of samples.
    pub samples: usize,
}

impl Distribution {
    /// Summary of these samples, in any order.
    ///
    /// # Panics
    /// If there is none.
    pub fn of(samples: Vec<f64>) -> Self {
        let sample = Sample::of(samples).expect("a sample");
        Self {
            median: sample.median(),
            p10: sample.quantile(0.1),
            p90: sample.quantile(0.9),
            samples: sample.ascending.len(),
        }
    }

    /// The same samples in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            p10: self.p10 * factor,
            p90: self.p90 * factor,
            ..self
        }
    }
}

/// Summary of the test misses of several seeds, taken as samples of a normal distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Number of runs.
    pub n: u32,
    /// Mean.
    pub mean: f64,
    /// Standard deviation of a run, with n − 1; `None` for one run.
    pub sd: Option<f64>,
    /// 95% confidence interval of the mean: mean ± t·sd/√n, t of Student's distribution with n − 1 degrees of freedom.
    pub mean_interval: Option<[f64; 2]>,
    /// 95% prediction interval of one more run: mean ± t·sd·√(1 + 1/n). A single published run belongs in here.
    pub prediction_interval: Option<[f64; 2]>,
    /// The fewest misses.
    pub best: u32,
    /// The most misses.
    pub worst: u32,
}

impl Statistics {
    /// Summary of these misses; `None` if there are none.
    pub fn of(misses: &[u32]) -> Option<Self> {
        let (&best, &worst) = (misses.iter().min()?, misses.iter().max()?);
        let sample = Sample::of(misses.iter().map(|&misses| misses.into()))?;
        let n = sample.n();
        Some(Self {
            n: misses.len() as u32,
            mean: sample.mean(),
            sd: sample.sd(),
            mean_interval: sample.interval(n.sqrt().recip()),
            prediction_interval: sample.interval((1.0 + n.recip()).sqrt()),
            best,
            worst,
        })
    }

    /// Tells whether a single run with these misses is inside the prediction interval, its ends counted.
    pub fn predicts(&self, misses: u32) -> Option<bool> {
        let [low, high] = self.prediction_interval?;
        Some((low..=high).contains(&f64::from(misses)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 5e-4 * expected.abs(),
            "{found}, expected {expected}"
        );
    }

    /// Printed in every table of the t distribution.
    #[test]
    fn quantiles_are_those_of_printed_tables() {
        for (degrees, t) in [(1.0, 12.706), (2.0, 4.303), (4.0, 2.776), (19.0, 2.093)] {
            near(student_t(degrees), t);
        }
    }

    /// 70, 80, 90: sd 10, t 4.3027; ± 24.84 for the mean, ± 49.68 for one more run (√(4/3) is twice 1/√3).
    #[test]
    fn intervals_are_those_computed_by_hand() {
        let found = Statistics::of(&[80, 90, 70]).expect("three runs");
        assert_eq!((found.n, found.best, found.worst), (3, 70, 90));
        near(found.mean, 80.0);
        near(found.sd.expect("sd"), 10.0);
        let [low, high] = found.mean_interval.expect("an interval");
        near(low, 55.159);
        near(high, 104.841);
        let [low, high] = found.prediction_interval.expect("an interval");
        near(low, 30.317);
        near(high, 129.683);
        let inside = [30, 31, 129, 130].map(|misses| found.predicts(misses).expect("known"));
        assert_eq!(inside, [false, true, true, false]);
    }

    #[test]
    fn one_run_has_a_mean_and_no_interval_and_none_has_nothing() {
        let one = Statistics::of(&[82]).expect("one run");
        assert_eq!((one.mean, one.sd, one.mean_interval), (82.0, None, None));
        assert_eq!((one.prediction_interval, one.predicts(82)), (None, None));
        assert_eq!(Statistics::of(&[]), None);
    }

    #[test]
    fn equal_runs_predict_only_themselves() {
        let same = Statistics::of(&[5, 5, 5]).expect("three runs");
        assert_eq!(same.mean_interval, Some([5.0, 5.0]));
        assert_eq!(
            (same.predicts(5), same.predicts(6)),
            (Some(true), Some(false))
        );
    }

    #[test]
    fn quantiles_are_on_lines_between_samples() {
        let found = Distribution::of(vec![3.0, 1.0, 2.0, 5.0, 4.0]);
        assert_eq!((found.median, found.samples), (3.0, 5));
        assert!((found.p10 - 1.4).abs() < 1e-12 && (found.p90 - 4.6).abs() < 1e-12);
        let one = Distribution::of(vec![7.0]).times(1e3);
        assert_eq!((one.median, one.p10, one.p90), (7e3, 7e3, 7e3));
        let even = Spread::from(Sample::of([4.0, 1.0, 3.0, 2.0]).expect("samples"));
        assert_eq!((even.median, even.min, even.max), (2.5, 1.0, 4.0));
        assert_eq!(Sample::of([]), None);
    }
}
