//! From grey levels to ink: which side of the paper's level is ink, stretched from 0 (paper) to 1 (full ink).

use super::Grey;

/// Longer sides are reduced to at most this before anything else: it bounds what follows.
const LONGEST_SIDE: usize = 1_024;
/// Where ink differs from paper by less than this share of black to white, there is no digit.
const LEAST_CONTRAST: f64 = 0.04;
/// Share of the inked pixels that may be darker than what counts as full ink.
const BEYOND_FULL: f64 = 0.01;
/// The edge of a picture, as a share of its shorter side, is taken for paper.
const EDGE: usize = 50;
/// Share of the edge's pixels whose deviation from the paper's level counts as its roughness.
const ROUGHNESS_SHARE: f64 = 0.95;
/// Deviations up to so many times the paper's roughness are paper too.
const ROUGHNESS_FACTOR: f64 = 1.5;
/// Connected ink with less than this share of the most inked piece's is dust.
const DUST: f64 = 0.02;

/// Amounts of ink.
#[derive(Debug, Clone, PartialEq)]
pub struct Ink {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// From 0 (paper) to 1, `[row][column]`.
    pub amounts: Vec<f32>,
}

impl Ink {
    /// Tells ink from paper.
    ///
    /// The paper's level is the median along the picture's edge. Ink is brighter or darker, whichever deviates more
    /// (sum of squares); what deviates no more than the edge itself does is paper, and dust is taken away.
    ///
    /// # Errors
    /// What was found and what was expected, where ink and paper hardly differ.
    pub fn of(grey: &Grey) -> Result<Self, String> {
        let grey = reduced(grey);
        let edge = edge(&grey);
        let paper = median(&edge);
        let deviation = |level: u16| f64::from(level) - paper;
        let (dark, bright) = grey
            .levels
            .iter()
            .fold((0.0, 0.0), |(dark, bright), &level| {
                let square = deviation(level).powi(2);
                if deviation(level) < 0.0 {
                    (dark + square, bright)
                } else {
                    (dark, bright + square)
                }
            });
        let sign = if bright > dark { 1.0 } else { -1.0 };
        let ink = |level: u16| (sign * deviation(level)).max(0.0);
        let darkest = grey
            .levels
            .iter()
            .map(|&level| ink(level))
            .fold(0.0, f64::max);
        let rough = quantile(
            edge.iter().map(|&level| ink(level)).collect(),
            ROUGHNESS_SHARE,
        );
        // Of a digit that touches the edge at least the darker half stays ink.
        let floor = (ROUGHNESS_FACTOR * rough).min(darkest / 2.0);
        let inked: Vec<f64> = grey
            .levels
            .iter()
            .map(|&level| ink(level))
            .filter(|&ink| ink > floor)
            .collect();
        let contrast = darkest / f64::from(u16::MAX);
        if inked.is_empty() || contrast < LEAST_CONTRAST {
            return Err(format!(
                "found a picture of one colour (ink and paper differ by {:.1}%), expected a digit on paper",
                100.0 * contrast
            ));
        }
        let full = quantile(inked, 1.0 - BEYOND_FULL);
        let amount = |&level: &u16| ((ink(level) - floor) / (full - floor)).clamp(0.0, 1.0) as f32;
        let mut ink = Self {
            width: grey.width,
            height: grey.height,
            amounts: grey.levels.iter().map(amount).collect(),
        };
        ink.dust_off();
        Ok(ink)
    }

    /// Takes away connected pieces of ink (corners connect) that are too small to belong to the digit.
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

    /// The places connected with this one.
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

/// The mean of each block of pixels, so large that neither side is above [`LONGEST_SIDE`].
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

/// The levels along the picture's edge.
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

/// The mean of the two middle levels: it turns over with the picture.
fn median(levels: &[u16]) -> f64 {
    let mut sorted = levels.to_vec();
    sorted.sort_unstable();
    let length = sorted.len();
    (f64::from(sorted[length / 2]) + f64::from(sorted[(length - 1) / 2])) / 2.0
}

/// The value that this share of the values do not exceed.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    let place = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len()) - 1;
    *values.select_nth_unstable_by(place, f64::total_cmp).1
}
