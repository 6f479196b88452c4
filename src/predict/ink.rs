//! Conversion of grey levels to ink, from 0 (paper) to 1 (full ink).

use super::Grey;

/// Maximum side of a picture. Larger pictures are reduced first, which bounds the later work.
const LONGEST_SIDE: usize = 1_024;
/// Minimum difference between ink and paper for a digit, as a share of the difference between black and white.
const LEAST_CONTRAST: f64 = 0.04;
/// Share of the inked pixels that may be darker than full ink.
const BEYOND_FULL: f64 = 0.01;
/// Divisor of the shorter side that gives the thickness of the edge. The edge is treated as paper.
const EDGE: usize = 50;
/// Quantile of the edge's deviations from the paper's level that is the paper's roughness.
const ROUGHNESS_SHARE: f64 = 0.95;
/// Multiple of the roughness up to which a deviation is still paper.
const ROUGHNESS_FACTOR: f64 = 1.5;
/// Share of the largest piece's ink below which a connected piece is dust.
const DUST: f64 = 0.02;

/// Ink of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Ink {
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Amounts from 0 (paper) to 1, `[row][column]`.
    pub amounts: Vec<f32>,
}

impl Ink {
    /// Separates ink from paper.
    ///
    /// The paper's level is the median along the picture's edge. Ink is the brighter or the darker side, whichever deviates
    /// more (sum of squares). Deviations no larger than those of the edge are paper. Dust is removed.
    ///
    /// # Errors
    /// A message, `found …, expected …`, if ink and paper hardly differ.
    pub fn of(grey: &Grey) -> Result<Self, String> {
        let grey = reduced(grey);
        let edge = edge(&grey);
        let paper = median(&edge);
        let levels = || grey.levels.iter().map(|&level| f64::from(level) - paper);
        let square = |deviation: f64| deviation * deviation;
        let dark: f64 = levels().filter(|&level| level < 0.0).map(square).sum();
        let bright: f64 = levels().filter(|&level| level >= 0.0).map(square).sum();
        let sign = if bright > dark { 1.0 } else { -1.0 };
        let ink = |&level: &u16| (sign * (f64::from(level) - paper)).max(0.0);
        let inks: Vec<f64> = grey.levels.iter().map(ink).collect();
        let darkest = inks.iter().copied().fold(0.0, f64::max);
        let rough = quantile(edge.iter().map(ink).collect(), ROUGHNESS_SHARE);
        // If a digit touches the edge, at least its darker half stays ink.
        let floor = (ROUGHNESS_FACTOR * rough).min(darkest / 2.0);
        let inked: Vec<f64> = inks.iter().copied().filter(|&ink| ink > floor).collect();
        let contrast = darkest / f64::from(u16::MAX);
        if inked.is_empty() || contrast < LEAST_CONTRAST {
            return Err(format!(
                "found a picture of one colour (ink and paper differ by {:.1}%), expected a digit on paper",
                100.0 * contrast
            ));
        }
        let full = quantile(inked, 1.0 - BEYOND_FULL);
        let amount = |ink: &f64| ((ink - floor) / (full - floor)).clamp(0.0, 1.0) as f32;
        let mut ink = Self {
            width: grey.width,
            height: grey.height,
            amounts: inks.iter().map(amount).collect(),
        };
        ink.dust_off();
        Ok(ink)
    }

    /// Removes connected pieces of ink (corners connect) that are too small to belong to the digit.
    fn dust_off(&mut self) {
        let mut seen = vec![false; self.amounts.len()];
        let mut pieces = Vec::new();
        for start in 0..self.amounts.len() {
            if !seen[start] && self.amounts[start] > 0.0 {
                pieces.push(self.piece(start, &mut seen));
            }
        }
        let mass = |piece: &Vec<u32>| -> f64 {
            let amounts = piece.iter().map(|&at| self.amounts[at as usize]);
            amounts.map(f64::from).sum()
        };
        let masses: Vec<f64> = pieces.iter().map(mass).collect();
        let most = masses.iter().copied().fold(0.0, f64::max);
        for (piece, mass) in pieces.iter().zip(masses) {
            if mass < DUST * most {
                for &at in piece {
                    self.amounts[at as usize] = 0.0;
                }
            }
        }
    }

    /// Pixels connected with this one.
    fn piece(&self, start: usize, seen: &mut [bool]) -> Vec<u32> {
        seen[start] = true;
        let mut piece = vec![start as u32];
        let mut next = 0;
        while let Some(&at) = piece.get(next) {
            next += 1;
            let (row, column) = (at as usize / self.width, at as usize % self.width);
            for row in row.saturating_sub(1)..(row + 2).min(self.height) {
                for column in column.saturating_sub(1)..(column + 2).min(self.width) {
                    let at = row * self.width + column;
                    if !seen[at] && self.amounts[at] > 0.0 {
                        seen[at] = true;
                        piece.push(at as u32);
                    }
                }
            }
        }
        piece
    }
}

/// Reduces a picture to block means, so that neither side exceeds [`LONGEST_SIDE`].
fn reduced(grey: &Grey) -> Grey {
    let factor = grey.width.max(grey.height).div_ceil(LONGEST_SIDE);
    if factor == 1 {
        return grey.clone();
    }
    let (width, height) = (grey.width.div_ceil(factor), grey.height.div_ceil(factor));
    let mut levels = Vec::with_capacity(width * height);
    for row in 0..height {
        for column in 0..width {
            let rows = row * factor..((row + 1) * factor).min(grey.height);
            let columns = column * factor..((column + 1) * factor).min(grey.width);
            let count = (rows.len() * columns.len()) as u64;
            let sum: u64 = rows
                .map(|row| {
                    let row = &grey.levels[row * grey.width..][columns.clone()];
                    row.iter().map(|&level| u64::from(level)).sum::<u64>()
                })
                .sum();
            levels.push(((sum + count / 2) / count) as u16);
        }
    }
    Grey::new(width, height, levels)
}

/// Levels along the edge of the picture.
fn edge(grey: &Grey) -> Vec<u16> {
    let thickness = (grey.width.min(grey.height) / EDGE).max(1);
    let outer = |place: usize, length: usize| place < thickness || place + thickness >= length;
    let mut levels = Vec::new();
    for row in 0..grey.height {
        for column in 0..grey.width {
            if outer(row, grey.height) || outer(column, grey.width) {
                levels.push(grey.at(row, column));
            }
        }
    }
    levels
}

/// Mean of the two middle levels, so that inverting the picture inverts the median.
fn median(levels: &[u16]) -> f64 {
    let mut sorted = levels.to_vec();
    sorted.sort_unstable();
    let length = sorted.len();
    (f64::from(sorted[length / 2]) + f64::from(sorted[(length - 1) / 2])) / 2.0
}

/// Smallest value that at least this share of the values do not exceed.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    let place = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len()) - 1;
    *values.select_nth_unstable_by(place, f64::total_cmp).1
}
