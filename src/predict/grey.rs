//! Grey picture, the input of [`super::normalise`].

/// Picture in shades of grey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grey {
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Levels from 0 (black) to 65,535 (white), `[row][column]`.
    pub levels: Vec<u16>,
}

impl Grey {
    /// Creates a picture from levels, `[row][column]`.
    ///
    /// # Panics
    /// If there are no pixels, or not `width × height` levels.
    pub fn new(width: usize, height: usize, levels: Vec<u16>) -> Self {
        assert!(width > 0 && height > 0, "at least one pixel");
        assert_eq!(levels.len(), width * height, "a pixel for each place");
        Self {
            width,
            height,
            levels,
        }
    }

    /// Level of a pixel.
    pub fn at(&self, row: usize, column: usize) -> u16 {
        self.levels[row * self.width + column]
    }
}
