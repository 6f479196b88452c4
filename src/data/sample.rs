//! Samples as NumPy's legacy generator draws them, so that the reproduction's very examples come out.

use rand_mt::Mt;

/// NumPy's `RandomState`: the Mersenne Twister MT19937.
pub struct RandomState(Mt);

impl RandomState {
    /// The state after `numpy.random.seed(seed)`.
    pub fn new(seed: u32) -> Self {
        // A single integer goes to init_genrand, not to init_by_array (NumPy's `_legacy_seeding`).
        Self(Mt::new(seed))
    }

    /// `permutation(count)`: 0 to count − 1, shuffled from the end (Fisher–Yates).
    ///
    /// # Panics
    /// If `count` is above 2³².
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            let chosen = self.up_to(u32::try_from(last).expect("at most 2^32 elements"));
            order.swap(last, chosen as usize);
        }
        order
    }

    /// `random_interval(highest)`: uniform in 0 to `highest`, by rejecting masked 32-bit words above it.
    fn up_to(&mut self, highest: u32) -> u32 {
        let mask = u32::MAX >> highest.leading_zeros();
        loop {
            let word = self.0.next_u32() & mask;
            if word <= highest {
                return word;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_holds_each_number_once() {
        for count in [1, 2, 3, 64, 65, 1000] {
            let mut numbers = RandomState::new(7).permutation(count);
            numbers.sort_unstable();
            assert_eq!(numbers, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_twister_is_mt19937() {
        // The C++ standard's check of std::mt19937: its 10,000th word from the default seed.
        let mut words = Mt::new(5489);
        let last = (0..10_000).map(|_| words.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
