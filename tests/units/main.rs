//! Public functions of the library, one by one.

mod draw;
mod simd;
