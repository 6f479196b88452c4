//! Images in the form the first layer reads: even and odd columns separated, so that the four columns 2c + kc of a
//! stride of two are adjacent.

use crate::cpu::simd::{LANES, Lanes};
use crate::data::Dataset;
use crate::net::{H1_SIDE, PADDED_SIDE, PADDING, PADDING_VALUE, SIDE};

/// Pixels of one parity in an image's row.
const HALF: usize = SIDE / 2;

/// A data set in the form the kernels read.
pub struct Set {
    /// In f32, `[example][row]`, lanes `[parity][column / 2]`: 1 KiB per image.
    images: Vec<[Lanes; SIDE]>,
    pub labels: Vec<u8>,
}

impl Set {
    /// Converts the images; values are `code / denominator − 1`, rounded once.
    pub fn new(set: &Dataset) -> Self {
        let denominator = f64::from(set.denominator());
        let value = |code: u16| (f64::from(code) / denominator - 1.0) as f32;
        let image = |example| {
            let codes = set.image_codes(example);
            let mut rows = [Lanes::ZERO; SIDE];
            for (row, lanes) in rows.iter_mut().enumerate() {
                for column in 0..SIDE {
                    lanes.0[HALF * (column % 2) + column / 2] = value(codes[row * SIDE + column]);
                }
            }
            rows
        };
        Self {
            images: (0..set.len()).map(image).collect(),
            labels: set.labels().to_vec(),
        }
    }

    #[inline(always)]
    pub fn image(&self, example: usize) -> &[Lanes; SIDE] {
        &self.images[example]
    }
}

/// A padded image, `[padded row][parity]`, lanes `[padded column / 2]`; ten lanes are used.
pub type Columns = [[Lanes; 2]; PADDED_SIDE];

/// An image of background alone.
pub const BACKGROUND: Columns = [[Lanes([PADDING_VALUE; LANES]); 2]; PADDED_SIDE];

/// Puts an image inside the padding.
#[inline(always)]
pub fn place(image: &[Lanes; SIDE], columns: &mut Columns) {
    for row in 0..SIDE {
        let [even, odd] = &mut columns[PADDING + row];
        even.0[PADDING / 2..PADDING / 2 + HALF].copy_from_slice(&image[row].0[..HALF]);
        odd.0[PADDING / 2..PADDING / 2 + HALF].copy_from_slice(&image[row].0[HALF..]);
    }
}

/// Puts an image inside the padding, shifted by rows down and columns right; what is uncovered is background.
#[inline(always)]
pub fn place_shifted(image: &[Lanes; SIDE], shift: (i32, i32), columns: &mut Columns) {
    if shift == (0, 0) {
        return place(image, columns);
    }
    // Columns of one parity come from one parity of the image, some places to the left: pixel 2k + p from
    // 2k + p − right.
    let sources: [(usize, usize); 2] = std::array::from_fn(|parity| {
        let from = parity as i32 - shift.1;
        let offset = HALF as i32 + from.div_euclid(2);
        (from.rem_euclid(2) as usize, offset as usize)
    });
    for row in 0..SIDE {
        let from_row = row as i32 - shift.0;
        for (parity, (source, offset)) in sources.into_iter().enumerate() {
            let to = &mut columns[PADDING + row][parity].0;
            let to = &mut to[PADDING / 2..PADDING / 2 + HALF];
            if (0..SIDE as i32).contains(&from_row) {
                let mut wide = [PADDING_VALUE; 3 * HALF];
                let pixels = &image[from_row as usize].0[HALF * source..HALF * (source + 1)];
                wide[HALF..2 * HALF].copy_from_slice(pixels);
                to.copy_from_slice(&wide[offset..offset + HALF]);
            } else {
                to.fill(PADDING_VALUE);
            }
        }
    }
}

/// H1 has one unit for each pixel of one parity.
const _: () = assert!(H1_SIDE == HALF && PADDING.is_multiple_of(2));
