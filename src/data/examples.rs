//! Examples one at a time, for the cpu engine, so that a training set need not be in memory.
//!
//! ```
//! use gpu_train::data::embedded;
//! use gpu_train::data::examples::{Examples, Repeated};
//!
//! // A million training examples in the memory of 7,291: shifted copies, made as they are read.
//! let many = Repeated::new(embedded::digits().train, 1_000_000);
//! assert_eq!(many.count(), 1_000_000);
//! ```

use super::Dataset;
use crate::net::{PIXELS, SIDE};

/// Pixel codes of an image, `[row][column]`.
pub type Image = [u16; PIXELS];

/// Labelled 16×16 images by their number; a pixel's value is `code / denominator − 1`.
pub trait Examples: Send + Sync {
    /// Number of examples, at least one.
    fn count(&self) -> usize;

    /// Divisor of a code.
    fn denominator(&self) -> u16;

    /// An example's label, 0 to 9.
    fn label(&self, example: usize) -> u8;

    /// An example's codes: those in memory, or made in `room`.
    fn image<'a>(&'a self, example: usize, room: &'a mut Image) -> &'a [u16];
}

impl Examples for Dataset {
    fn count(&self) -> usize {
        self.len()
    }

    fn denominator(&self) -> u16 {
        self.denominator()
    }

    fn label(&self, example: usize) -> u8 {
        self.labels()[example]
    }

    fn image<'a>(&'a self, example: usize, _room: &'a mut Image) -> &'a [u16] {
        self.image_codes(example)
    }
}

/// A set repeated up to any number of examples: first as it is, then over and over, each repetition with another of
/// [`Repeated::SHIFTS`]. Images are made when they are asked for, so that it takes no more memory than the set it
/// repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    base: Dataset,
    count: usize,
}

impl Repeated {
    /// Shifts of the repetitions, (rows down, columns right), in turn.
    pub const SHIFTS: [(i32, i32); 9] = [
        (0, 0),
        (0, 1),
        (1, 0),
        (0, -1),
        (-1, 0),
        (1, 1),
        (1, -1),
        (-1, -1),
        (-1, 1),
    ];

    /// N examples made from this set; fewer than it has are its first.
    ///
    /// # Panics
    /// If `count` is 0 or above 2³².
    pub fn new(base: Dataset, count: usize) -> Self {
        assert!(
            count > 0 && count as u64 <= 1 << 32,
            "at least one example, and numbers of 32 bits"
        );
        Self { base, count }
    }

    /// All examples, in memory.
    pub fn in_memory(&self) -> Dataset {
        if self.count <= self.base.len() {
            return self.base.truncated(self.count);
        }
        let mut codes = Vec::with_capacity(self.count * PIXELS);
        let mut room = [0; PIXELS];
        for example in 0..self.count {
            codes.extend_from_slice(self.image(example, &mut room));
        }
        let labels = (0..self.count).map(|example| self.label(example)).collect();
        Dataset::new(codes, self.base.denominator(), labels)
    }
}

impl Examples for Repeated {
    fn count(&self) -> usize {
        self.count
    }

    fn denominator(&self) -> u16 {
        self.base.denominator()
    }

    fn label(&self, example: usize) -> u8 {
        self.base.labels()[example % self.base.len()]
    }

    fn image<'a>(&'a self, example: usize, room: &'a mut Image) -> &'a [u16] {
        let (repetition, index) = (example / self.base.len(), example % self.base.len());
        let codes = self.base.image_codes(index);
        match Self::SHIFTS[repetition % Self::SHIFTS.len()] {
            (0, 0) => codes,
            shift => {
                copy_shifted(codes, shift, room);
                room
            }
        }
    }
}

/// `to[r][c] = from[r − down][c − right]` where that is inside the image, background elsewhere.
pub fn copy_shifted(from: &[u16], (down, right): (i32, i32), to: &mut Image) {
    /// Background, as a code.
    const BACKGROUND: u16 = 0;
    to.fill(BACKGROUND);
    let side = SIDE as i32;
    let (rows, columns) = (
        down.max(0)..side.min(side + down),
        right.max(0)..side.min(side + right),
    );
    for row in rows {
        let start = row * side + columns.start;
        let source = start - down * side - right;
        let length = columns.len();
        to[start as usize..][..length].copy_from_slice(&from[source as usize..][..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::embedded;

    #[test]
    fn a_repeated_set_is_its_base_then_shifted_copies_of_it() {
        let base = embedded::digits().train.truncated(50);
        let repeated = Repeated::new(base.clone(), 475);
        let mut shifts = Repeated::SHIFTS.to_vec();
        shifts.sort_unstable();
        shifts.dedup();
        assert_eq!(shifts.len(), 9);
        let (mut room, mut expected) = ([0; PIXELS], [0; PIXELS]);
        for example in 0..475 {
            let of = base.image_codes(example % 50);
            copy_shifted(of, Repeated::SHIFTS[example / 50 % 9], &mut expected);
            assert_eq!(repeated.image(example, &mut room), expected);
            assert_eq!(
                repeated.image(example, &mut room) == of,
                example / 50 % 9 == 0
            );
            assert_eq!(repeated.label(example), base.labels()[example % 50]);
        }
    }

    #[test]
    fn in_memory_it_is_the_same_set() {
        let base = embedded::digits().train.truncated(9);
        for count in [1, 8, 9, 10, 40] {
            let repeated = Repeated::new(base.clone(), count);
            let set = repeated.in_memory();
            assert_eq!((set.len(), repeated.count()), (count, count));
            assert_eq!(set.denominator(), base.denominator());
            let mut room = [0; PIXELS];
            for example in 0..count {
                assert_eq!(set.image_codes(example), repeated.image(example, &mut room));
                assert_eq!(set.labels()[example], repeated.label(example));
            }
        }
    }

    #[test]
    fn a_shift_uncovers_background() {
        let from: Vec<u16> = (0..PIXELS as u16).map(|i| i + 1).collect();
        let mut to = [7; PIXELS];
        copy_shifted(&from, (2, -1), &mut to);
        for row in 0..SIDE {
            for column in 0..SIDE {
                let inside = row >= 2 && column + 1 < SIDE;
                let want = if inside {
                    from[(row - 2) * SIDE + column + 1]
                } else {
                    0
                };
                assert_eq!(to[row * SIDE + column], want);
            }
        }
    }
}
