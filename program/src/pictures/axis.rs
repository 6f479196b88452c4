//! Axes: from values to positions; ticks and their labels.

use super::canvas::number;

/// Scale of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Equal ratios have equal distances, and values below `low`, zero included, are at the start. Otherwise in proportion.
    pub is_log: bool,
    /// Value at the axis's start, above 0 if the scale is logarithmic.
    pub low: f64,
    /// Value at its end.
    pub high: f64,
}

impl Scale {
    /// A logarithmic scale around these values, from and to a round one; values that are not above 0 do not count.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|v| v.is_finite() && *v > 0.0) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = (1.0, 10.0);
        } else {
            low = round_down(low * (1.0 + 1e-9));
            high = round_up(high * (1.0 - 1e-9));
        }
        if low >= high {
            (low, high) = (low / 2.0, high * 2.0);
        }
        Self {
            is_log: true,
            low,
            high,
        }
    }

    /// From 0 to a round value above all of these.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let high = values
            .into_iter()
            .filter(|value| value.is_finite())
            .fold(0.0, f64::max);
        let step = linear_step(high.max(1e-9), 6.0);
        Self {
            is_log: false,
            low: 0.0,
            high: ((high / step).floor() + 1.0) * step,
        }
    }

    /// Position of a value, 0 at the axis's start and 1 at its end; values outside are moved to the nearer end.
    /// Not a number stays that.
    pub fn place(self, value: f64) -> f64 {
        let Self { is_log, low, high } = self;
        if value.is_nan() {
            return f64::NAN;
        }
        let share = match is_log {
            true => (value.max(low) / low).ln() / (high / low).ln(),
            false => (value - low) / (high - low),
        };
        share.clamp(0.0, 1.0)
    }

    /// At most about N values to mark, in rising order.
    pub fn ticks(self, most: usize) -> Vec<f64> {
        let Self { is_log, low, high } = self;
        if is_log {
            return log_ticks(low, high, most);
        }
        let step = linear_step(high - low, most as f64);
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        // Divided, 3 × 0.1 is 0.3; multiplied it is not.
        let per_unit = step.recip().round();
        let tick = |index: i64| match step < 1.0 && per_unit.is_finite() {
            true => index as f64 / per_unit,
            false => index as f64 * step,
        };
        (first..=last).map(tick).collect()
    }

    /// The same with their labels.
    pub fn labelled_ticks(self, most: usize) -> Vec<(f64, String)> {
        let ticks = self.ticks(most).into_iter();
        ticks.map(|value| (value, plain(value))).collect()
    }
}

/// 1, 2 or 5 times a power of ten, such that `span` has at most `most` of it.
fn linear_step(span: f64, most: f64) -> f64 {
    round_up(span / most.max(1.0))
}

fn log_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let within = |value: f64| value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9);
    let marks = |leading: &[f64], every: i32| -> Vec<f64> {
        (first..=last)
            .filter(|power| power.rem_euclid(every) == 0)
            .flat_map(|power| leading.iter().map(move |digit| digit * 10f64.powi(power)))
            .filter(|&value| within(value))
            .collect()
    };
    let finest = marks(&[1.0, 2.0, 5.0], 1);
    if finest.len() <= most {
        return finest;
    }
    (1..)
        .map(|every| marks(&[1.0], every))
        .find(|ticks| ticks.len() <= most.max(1))
        .unwrap_or_default()
}

/// 1, 2 or 5 times a power of ten, at least `value`.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let is_enough = |digit: &f64| digit * power >= value * (1.0 - 1e-9);
    [1.0, 2.0, 5.0].into_iter().find(is_enough).unwrap_or(10.0) * power
}

/// 1, 2 or 5 times a power of ten, at most `value`.
fn round_down(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let is_little = |digit: &f64| digit * power <= value * (1.0 + 1e-9);
    [5.0, 2.0].into_iter().find(is_little).unwrap_or(1.0) * power
}

/// Label of a tick: "0.05", "20", "1,000".
pub fn plain(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    if value.abs() >= 1e15 || (value != 0.0 && value.abs() < 1e-9) {
        return format!("{value:.0e}");
    }
    if value.fract().abs() < 1e-9 {
        return grouped(value);
    }
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A mean with one decimal.
pub fn tenths(value: f64) -> String {
    match value.is_finite() && value.abs() < 1e15 {
        true => format!("{value:.1}"),
        false => plain(value),
    }
}

/// A whole number with commas between thousands.
fn grouped(value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{}", crate::text::grouped(value.abs() as u64))
}

/// A time in three digits: "1.2 ms", "0.67 s", "190 s", "12.5 min", "3 days".
pub fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        // A century and more is no measurement, and its digits would not fit.
        s if !(0.0..=3.2e9).contains(&s) => return "no time".into(),
        0.0 => return "0 s".into(),
        s if s < 0.9995e-3 => (s * 1e6, "µs"),
        s if s < 0.09995 => (s * 1e3, "ms"),
        s if s < 600.0 => (s, "s"),
        s if s < 7200.0 => (s / 60.0, "min"),
        s if s < 86_400.0 => (s / 3600.0, "h"),
        s => (s / 86_400.0, "days"),
    };
    format!("{} {unit}", three_digits(value))
}

/// Three significant digits without trailing zeros; below 1 two decimals are enough.
fn three_digits(value: f64) -> String {
    match value {
        v if v >= 99.95 => grouped(v.round()),
        v if v >= 9.995 => number((v * 10.0).round() / 10.0),
        v => number(v),
    }
}

/// Ratio of a time to a reference: "134× faster", "2.1× slower", "the same".
pub fn factor(seconds: f64, reference: f64) -> String {
    let ratio = reference / seconds;
    // Beyond that a measurement is broken, and its digits would not fit.
    if !(1e-9..=1e9).contains(&ratio) {
        return String::new();
    }
    match ratio {
        r if (r - 1.0).abs() < 1e-9 => "1×".into(),
        r if r > 1.0 => format!("{}× faster", three_digits(r)),
        r => format!("{}× slower", three_digits(1.0 / r)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_scale_spans_round_values_and_takes_zero_to_its_start() {
        let scale = Scale::log([0.0, 30.0, 1900.0, f64::NAN]);
        assert_eq!((scale.low, scale.high), (20.0, 2000.0));
        assert_eq!((scale.place(0.0), scale.place(2000.0)), (0.0, 1.0));
        assert!((scale.place(200.0) - 0.5).abs() < 1e-12);
        assert!(scale.place(f64::NAN).is_nan());
        assert_eq!(
            scale.ticks(9),
            [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0]
        );
        assert_eq!(scale.ticks(4), [100.0, 1000.0]);
    }

    #[test]
    fn a_scale_of_nothing_or_of_one_value_has_an_extent() {
        for values in [vec![], vec![0.0], vec![7.0], vec![1e-300], vec![1e300]] {
            let log = Scale::log(values.clone());
            assert!(log.is_log && log.low > 0.0, "{log:?}");
            for Scale { low, high, .. } in [log, Scale::from_zero(values)] {
                assert!(low < high && high.is_finite(), "{low} {high}");
            }
        }
    }

    #[test]
    fn three_days_and_a_millisecond_share_an_axis() {
        let scale = Scale::log([0.001, 259_200.0]);
        assert!(scale.ticks(12).len() <= 12 && scale.ticks(12).len() >= 4);
        assert!(scale.place(0.001) < 0.01 && scale.place(259_200.0) > 0.9);
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(
            Scale::from_zero([87.0]).ticks(6),
            [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
        );
        assert_eq!(Scale::from_zero([0.3]).ticks(3), [0.0, 0.1, 0.2, 0.3]);
    }

    #[test]
    fn times_are_in_human_units() {
        let times = [
            3e-5, 0.001, 0.0123, 0.67, 2.057, 27.0, 90.0, 190.0, 750.0, 259_200.0, 0.0,
        ];
        assert_eq!(
            times.map(time),
            [
                "30 µs", "1 ms", "12.3 ms", "0.67 s", "2.06 s", "27 s", "90 s", "190 s",
                "12.5 min", "3 days", "0 s"
            ]
        );
        assert_eq!(time(f64::NAN), "no time");
    }

    #[test]
    fn factors_say_which_way() {
        assert_eq!(factor(0.67, 90.0), "134× faster");
        assert_eq!(factor(259_200.0, 90.0), "2,880× slower");
        assert_eq!(factor(90.0, 90.0), "1×");
        assert_eq!(factor(0.0, 90.0), "");
    }

    #[test]
    fn ticks_are_plain() {
        assert_eq!(
            [0.05, 20.0, 1000.0, 0.5, f64::NAN].map(plain),
            ["0.05", "20", "1,000", "0.5", "–"]
        );
    }
}
