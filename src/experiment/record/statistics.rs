//! Mean, spread and intervals of a few runs.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Upper quantile of the two-sided 95% intervals.
const UPPER: f64 = 0.975;

/// What the test misses of several seeds say, taken as samples of a normal distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Number of runs.
    pub n: u32,
    /// Mean.
    pub mean: f64,
    /// Standard deviation of a run, with n − 1; none for one run.
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
    /// Of these misses; none if there are none.
    pub fn of(misses: &[u32]) -> Option<Self> {
        let (&best, &worst) = (misses.iter().min()?, misses.iter().max()?);
        let n = misses.len() as f64;
        let values = misses.iter().map(|&value| f64::from(value));
        let mean = values.clone().sum::<f64>() / n;
        let sd = (misses.len() > 1).then(|| {
            let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
            (squares / (n - 1.0)).sqrt()
        });
        let interval = |scale: f64| {
            let half = student_t(n - 1.0) * sd? * scale;
            Some([mean - half, mean + half])
        };
        Some(Self {
            n: misses.len() as u32,
            mean,
            sd,
            mean_interval: interval(n.sqrt().recip()),
            prediction_interval: interval((1.0 + n.recip()).sqrt()),
            best,
            worst,
        })
    }

    /// Whether a single run with these misses lies inside the prediction interval, its ends counted.
    pub fn predicts(&self, misses: u32) -> Option<bool> {
        let [low, high] = self.prediction_interval?;
        Some((low..=high).contains(&f64::from(misses)))
    }
}

/// The 97.5% quantile of Student's t distribution; not a number for 0 degrees of freedom or fewer.
fn student_t(degrees_of_freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, degrees_of_freedom).map_or(f64::NAN, |t| t.inverse_cdf(UPPER))
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
}
