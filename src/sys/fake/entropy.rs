//! [`Entropy`]: where the fake kernel's decisions come from, a seed or the bytes of a fuzzer.

use std::vec::Vec;

/// A source of decisions. The same source makes the same decisions.
#[derive(Clone, Debug)]
pub(crate) enum Entropy {
    /// Noise that goes on for ever (splitmix64).
    Noise(u64),
    /// Decisions made beforehand, from this byte on. After the last, each decision is 0, which is
    /// always the one without a surprise.
    Bytes { bytes: Vec<u8>, next: usize },
}

impl Entropy {
    /// The decisions of a fuzzer.
    pub(crate) const fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes { bytes, next: 0 }
    }

    /// No surprises at all.
    pub(crate) const fn quiet() -> Self {
        Self::bytes(Vec::new())
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        let drawn = match self {
            Self::Noise(_) => self.word(),
            Self::Bytes { .. } if limit <= 256 => self.byte().into(),
            Self::Bytes { .. } => self.word(),
        };
        (drawn % u64::from(limit)) as u32
    }

    /// Whether something happens that happens once in so many times; never, if that is 0.
    pub(crate) fn one_in(&mut self, times: u32) -> bool {
        times > 0 && self.below(times) == times - 1
    }

    /// Any number.
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

    /// The next byte; 0 after the last.
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
    fn the_same_source_decides_the_same() {
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
