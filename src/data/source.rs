//! The sources of digits, as far as published figures go.

/// A source of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// MNIST as of 1989, the essay's digits.
    Mnist1989,
    /// The first N of MNIST's training images.
    Mnist(usize),
    /// The paper's own digits.
    ZipCode,
}
