//! Instruction sets, chosen at run time.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
#[cfg(not(target_feature = "simd128"))]
use super::portable::Portable as Baseline;
#[cfg(target_feature = "simd128")]
use super::simd128::Simd128 as Baseline;
use super::vector::WithSimd;

/// An instruction set this program has kernels for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The target's baseline: in a browser simd128, without which the module does not load.
    Portable(Baseline),
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512 (F, VL, DQ).
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Level {
    /// Every level this processor has, slowest first; never empty.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut)] // some targets have only the baseline
        let mut levels = vec![Self::Portable(Baseline)];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(Avx2::detect().map(Self::Avx2));
            levels.extend(Avx512::detect().map(Self::Avx512));
        }
        levels
    }

    /// The fastest level this processor has.
    pub fn best() -> Self {
        Self::available()
            .pop()
            .expect("the portable level is always there")
    }

    /// Human-readable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable(_) if cfg!(target_arch = "aarch64") => "NEON",
            Self::Portable(_) if cfg!(target_feature = "simd128") => "simd128",
            Self::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "AVX-512",
        }
    }

    /// Runs a kernel compiled for this level.
    #[inline]
    pub fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        match self {
            Self::Portable(simd) => kernel.run(simd),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => simd.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => simd.run(kernel),
        }
    }
}
