//! Sixteen f32 lanes on whatever the processor has: one AVX-512 register, two AVX2 ones, or an array the compiler
//! vectorises for the target's baseline (NEON on 64-bit Arm, SSE2 on x86-64), or four
//! vectors of WebAssembly.
//!
//! A kernel is written once, generic over [`Simd`], and run through [`Level::run`], which compiles it for each level
//! and picks at run time. A value of a level's type proves that the processor has it, so the operations are safe.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod elementary;
mod level;
#[cfg(not(target_feature = "simd128"))]
mod portable;
#[cfg(target_feature = "simd128")]
mod simd128;
mod vector;

pub use elementary::{exp, tanh};
pub use level::Level;
pub use vector::{LANES, Lanes, Simd, WithSimd};
