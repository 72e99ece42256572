//! Random conversations, some of them invalid, in random chunks: the decoder returns what the naive one returns.

use std::collections::HashSet;
use std::mem::discriminant;

use ws_frame::{Limits, Role};

use crate::feed::receive;
use crate::naive;
use crate::random::Random;

/// Small, so that the conversations reach them.
const LIMITS: Limits = Limits::new().message_bytes_max(140_000).fragments_max(5).whole_bytes_max(0);
const SEEDS: u64 = 20_000;

#[test]
fn for_20_000_seeds() {
    let mut errors = HashSet::new();
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let role = if random.one_in(3) { Role::Client } else { Role::Server };
        let mut wire = random.wire(role == Role::Server);
        while random.one_in(2) {
            random.spoil(&mut wire);
        }

        let expected = naive::receive(role, LIMITS, &wire);
        assert_eq!(receive(role, LIMITS, [&wire[..]]), expected, "seed {seed}, whole");
        if wire.len() < 2_000 {
            let outcome = receive(role, LIMITS, wire.chunks(1));
            assert_eq!(outcome, expected, "seed {seed}, byte by byte");
        }
        let mut rest = &wire[..];
        let chunk_bytes_max = [4, 40, 400, 4_000, 40_000][random.below(5)].max(wire.len() / 50);
        let chunks = std::iter::from_fn(|| {
            let (chunk, tail) = rest.split_at(rest.len().min(random.below(chunk_bytes_max + 1)));
            rest = tail;
            (!chunk.is_empty() || !tail.is_empty()).then_some(chunk)
        });
        assert_eq!(receive(role, LIMITS, chunks), expected, "seed {seed}, in chunks");
        errors.extend(expected.1.as_ref().map(discriminant));
    }
    assert_eq!(errors.len(), 17, "every error is met on the way");
}
