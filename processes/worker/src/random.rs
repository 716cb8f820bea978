//! A small generator of random numbers: the same seed gives the same numbers, everywhere and for ever.

/// `SplitMix64` (Steele, Lea and Flood, 2014). Good enough to draw tokens, and for nothing secret.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins the sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// The next number from 0 up to but not including 1.
    pub fn fraction(&mut self) -> f64 {
        // The upper 53 bits: as many as the type has.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        let mut random = Random::new(1_234_567);
        assert_eq!(
            [random.bits(), random.bits(), random.bits()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn fractions_stay_below_one() {
        let mut random = Random::new(7);
        assert!((0..10_000).map(|_| random.fraction()).all(|number| (0.0..1.0).contains(&number)));
    }
}
