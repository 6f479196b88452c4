//! A picture in shades of grey, as [`super::normalise`] takes it.

/// A picture in shades of grey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grey {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// From 0 (black) to 65,535 (white), `[row][column]`.
    pub levels: Vec<u16>,
}

impl Grey {
    /// Takes levels, `[row][column]`.
    ///
    /// # Panics
    /// If there is no pixel, or not one for each place.
    pub fn new(width: usize, height: usize, levels: Vec<u16>) -> Self {
        assert!(width > 0 && height > 0, "at least one pixel");
        assert_eq!(levels.len(), width * height, "a pixel for each place");
        Self {
            width,
            height,
            levels,
        }
    }

    /// The level at a place.
    pub fn at(&self, row: usize, column: usize) -> u16 {
        self.levels[row * self.width + column]
    }
}
