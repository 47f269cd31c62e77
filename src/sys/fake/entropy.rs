//! [`Entropy`]: the source of the fake kernel's decisions: a seed, or the bytes of a fuzzer.

use std::vec::Vec;

/// A source of decisions. The same source makes the same decisions.
#[derive(Clone, Debug)]
pub(crate) enum Entropy {
    /// An endless sequence of pseudorandom numbers (splitmix64).
    Noise(u64),
    /// Decisions that are given as bytes, from index `next` on. After the last byte, each decision
    /// is 0, which never causes a fault.
    Bytes { bytes: Vec<u8>, next: usize },
}

impl Entropy {
    /// Makes a source from the bytes of a fuzzer.
    pub(crate) const fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes { bytes, next: 0 }
    }

    /// Makes a source whose decisions are all 0.
    pub(crate) const fn quiet() -> Self {
        Self::bytes(Vec::new())
    }

    /// Returns a number below `limit`, which must not be 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        let drawn = match self {
            Self::Noise(_) => self.word(),
            Self::Bytes { .. } if limit <= 256 => self.byte().into(),
            Self::Bytes { .. } => self.word(),
        };
        (drawn % u64::from(limit)) as u32
    }

    /// Returns `true` once in `times` times; never if `times` is 0.
    pub(crate) fn one_in(&mut self, times: u32) -> bool {
        times > 0 && self.below(times) == times - 1
    }

    /// Returns any number.
    pub(crate) fn word(&mut self) -> u64 {
        match self {
            Self::Noise(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
            Self::Bytes { .. } => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    /// Returns the next byte; 0 after the last one.
    fn byte(&mut self) -> u8 {
        let Self::Bytes { bytes, next } = self else { return self.word() as u8 };
        let byte = bytes.get(*next).copied().unwrap_or(0);
        *next += 1;
        byte
    }
}

#[cfg(test)]
mod tests {
    use super::Entropy;
    use std::vec;

    #[test]
    fn equal_sources_make_equal_decisions() {
        let (mut a, mut b) = (Entropy::Noise(7), Entropy::Noise(7));
        assert!((0..1000).all(|_| a.below(1000) == b.below(1000)));
        let mut bytes = Entropy::bytes(vec![5, 200]);
        assert_eq!([bytes.below(4), bytes.below(100), bytes.below(9)], [1, 0, 0]);
        assert!(
            !Entropy::quiet().one_in(2)
                && !Entropy::Noise(7).one_in(0)
                && Entropy::quiet().one_in(1)
        );
    }
}
