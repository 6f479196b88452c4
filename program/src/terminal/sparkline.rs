//! Curve in one line of text.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the values from left to right in up to `columns` columns. Each column is a mean, on a logarithmic scale from the
/// smallest to the largest. Values that are not positive and finite are left out.
pub fn sparkline(values: &[f64], columns: usize) -> String {
    let drawable = values.iter().copied();
    let logs: Vec<f64> = drawable
        .filter(|&value| value.is_finite() && value > 0.0)
        .map(f64::ln)
        .collect();
    let columns = columns.min(logs.len());
    let mean = |column: usize| {
        let share = column * logs.len() / columns..(column + 1) * logs.len() / columns;
        let count = share.len() as f64;
        logs[share].iter().sum::<f64>() / count
    };
    let means: Vec<f64> = (0..columns).map(mean).collect();
    let low = means.iter().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let block = |&mean: &f64| {
        let height = (mean - low) / (high - low).max(f64::MIN_POSITIVE);
        BLOCKS[(height * 7.0).round() as usize]
    };
    means.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ratios_are_equal_heights() {
        let halves: Vec<f64> = (0..8).map(|step| 0.5f64.powi(step)).collect();
        assert_eq!(sparkline(&halves, 8), "█▇▆▅▄▃▂▁");
        assert_eq!(sparkline(&halves, 20), "█▇▆▅▄▃▂▁", "no more than there are");
        assert_eq!(sparkline(&halves, 2), "█▁");
    }

    #[test]
    fn nothing_constant_and_odd_values_are_drawn() {
        assert_eq!(sparkline(&[], 5), "");
        assert_eq!(sparkline(&[1.0], 0), "");
        assert_eq!(sparkline(&[3.0; 3], 3), "▁▁▁");
        let odd = [2.0, f64::NAN, 0.0, -1.0, f64::INFINITY, 1.0];
        assert_eq!(sparkline(&odd, 9), "█▁");
        assert_eq!(sparkline(&[1e300, 1e-300], 2), "█▁");
    }
}
