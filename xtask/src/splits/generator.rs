//! numpy's `default_rng`, bit for bit: SeedSequence, PCG64, `shuffle` and `choice`.

use std::collections::BTreeSet;

/// The 128-bit multiplier of PCG64.
const PCG_MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;

/// numpy's `SeedSequence` of one seed: a pool of four words, mixed.
#[derive(Debug)]
struct SeedSequence {
    pool: [u32; 4],
}

impl SeedSequence {
    const INIT_A: u32 = 0x43b0_d7e5;
    const MULT_A: u32 = 0x931e_8875;
    const INIT_B: u32 = 0x8b51_f9dd;
    const MULT_B: u32 = 0x58f3_8ded;
    const MIX_LEFT: u32 = 0xca01_f9dd;
    const MIX_RIGHT: u32 = 0x4973_f715;

    fn new(seed: u64) -> Self {
        let mut hash = Self::INIT_A;
        let mut hashed = |value: u32| Self::hash(value, &mut hash, Self::MULT_A);
        let mut pool = [seed as u32, (seed >> 32) as u32, 0, 0].map(&mut hashed);
        for source in 0..pool.len() {
            for target in (0..pool.len()).filter(|target| *target != source) {
                pool[target] = Self::mix(pool[target], hashed(pool[source]));
            }
        }
        Self { pool }
    }

    /// Four words of 64 bits, the state that PCG64 starts from.
    fn state(&self) -> [u64; 4] {
        let mut hash = Self::INIT_B;
        let words: Vec<u64> =
            (0..8).map(|i| Self::hash(self.pool[i % 4], &mut hash, Self::MULT_B).into()).collect();
        [0, 2, 4, 6].map(|low| words[low] | words[low + 1] << 32)
    }

    fn hash(value: u32, hash: &mut u32, multiplier: u32) -> u32 {
        let value = value ^ *hash;
        *hash = hash.wrapping_mul(multiplier);
        let value = value.wrapping_mul(*hash);
        value ^ value >> 16
    }

    fn mix(left: u32, right: u32) -> u32 {
        let mixed =
            Self::MIX_LEFT.wrapping_mul(left).wrapping_sub(Self::MIX_RIGHT.wrapping_mul(right));
        mixed ^ mixed >> 16
    }
}

/// PCG64 in numpy's variant, XSL-RR 128/64.
#[derive(Debug)]
pub(super) struct Generator {
    state: u128,
    increment: u128,
    /// The high half of a draw of 64 bits of which the low half has been used.
    buffered: Option<u32>,
}

impl Generator {
    /// What `numpy.random.default_rng(seed)` gives.
    pub(super) fn new(seed: u64) -> Self {
        let [a, b, c, d] = SeedSequence::new(seed).state().map(u128::from);
        let mut generator = Self { state: 0, increment: (c << 64 | d) << 1 | 1, buffered: None };
        generator.step();
        generator.state = generator.state.wrapping_add(a << 64 | b);
        generator.step();
        generator
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(PCG_MULTIPLIER).wrapping_add(self.increment);
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn next_u32(&mut self) -> u32 {
        if let Some(high) = self.buffered.take() {
            return high;
        }
        let both = self.next_u64();
        self.buffered = Some((both >> 32) as u32);
        both as u32
    }

    /// Uniform in `0..=last` as `shuffle` draws it: masked, and drawn again while too large.
    fn masked(&mut self, last: u32) -> u32 {
        let mask = u32::MAX.checked_shr(last.leading_zeros()).unwrap_or(0);
        loop {
            let drawn = self.next_u32() & mask;
            if drawn <= last {
                return drawn;
            }
        }
    }

    /// Uniform in `0..=last` as `choice` draws it: the high half of a product (Lemire).
    fn multiplied(&mut self, last: u32) -> u32 {
        let count = u64::from(last) + 1;
        let refused = u64::from(u32::MAX - last) % count;
        loop {
            let product = u64::from(self.next_u32()) * count;
            if product & u64::from(u32::MAX) >= refused {
                return (product >> 32) as u32;
            }
        }
    }

    /// `Generator.shuffle`.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.masked(last as u32);
            items.swap(last, other as usize);
        }
    }

    /// `Generator.choice(n, size, replace=False)` as a set: Floyd's algorithm.
    pub(super) fn choice(&mut self, n: usize, size: usize) -> BTreeSet<usize> {
        let mut chosen = BTreeSet::new();
        for last in n - size..n {
            let drawn = self.multiplied(last as u32) as usize;
            if !chosen.insert(drawn) {
                chosen.insert(last);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::splits::digests::sha256;

    /// The recorded vectors, which `interop/check_splits.py` compares with numpy.
    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../splits/vectors.json")).unwrap()
    }

    fn permutation(n: usize) -> Vec<usize> {
        let mut items: Vec<usize> = (0..n).collect();
        Generator::new(42).shuffle(&mut items);
        items
    }

    #[test]
    fn the_seed_is_spread_as_numpy_does() {
        let vectors = vectors();
        let state = SeedSequence::new(42).state().map(|word| format!("{word:016x}"));
        assert_eq!(serde_json::json!(state), vectors["seed_sequence"]["state"]);
        let mut generator = Generator::new(42);
        assert_eq!(format!("{:032x}", generator.state), vectors["pcg64"]["state"]);
        assert_eq!(format!("{:032x}", generator.increment), vectors["pcg64"]["inc"]);
        let draws: Vec<String> = (0..4).map(|_| format!("{:016x}", generator.next_u64())).collect();
        assert_eq!(serde_json::json!(draws), vectors["pcg64"]["next64"]);
    }

    #[test]
    fn a_half_is_kept_for_the_next_draw() {
        let mut generator = Generator::new(42);
        let halves: Vec<u32> = (0..3).map(|_| generator.next_u32()).collect();
        assert_eq!(halves, [0x16d9_2688, 0xc621_fbcd, 0xa791_ffc1]);
    }

    #[test]
    fn shuffles_are_those_of_numpy() {
        for vector in vectors()["shuffle"].as_array().unwrap() {
            let n = vector["n"].as_u64().unwrap() as usize;
            let permuted = permutation(n);
            let starts = vector["starts"].as_array().unwrap();
            assert_eq!(serde_json::json!(permuted[..starts.len()]), vector["starts"], "n = {n}");
            let joined: Vec<String> = permuted.iter().map(ToString::to_string).collect();
            assert_eq!(sha256(joined.join(",").as_bytes()), vector["sha256"], "n = {n}");
        }
        assert!(permutation(0).is_empty());
        assert_eq!(permutation(1), [0]);
    }

    #[test]
    fn choices_are_those_of_numpy() {
        for vector in vectors()["choice"].as_array().unwrap() {
            let number = |key: &str| vector[key].as_u64().unwrap();
            let mut generator = Generator::new(number("seed"));
            let chosen = generator.choice(number("n") as usize, number("size") as usize);
            let joined: Vec<String> = chosen.iter().map(ToString::to_string).collect();
            assert_eq!(sha256(joined.join(",").as_bytes()), vector["sha256"], "{vector}");
        }
        assert_eq!(Generator::new(1).choice(3, 3), (0..3).collect());
        assert_eq!(Generator::new(1).choice(3, 0), BTreeSet::new());
    }
}
