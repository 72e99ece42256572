//! Whatever arrives, cut however: the parser sees what the specification's own steps see.

use crate::{feed::feed, fragments::Random, model::interpret};
use sse_codec::Limits;

#[test]
fn soup_reads_the_same_under_any_cut() {
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let wire = random.soup(24);
        let expected = interpret(&wire);
        for piece_len_max in [1, 3, 17, wire.len() + 1] {
            let pieces = random.cut(&wire, piece_len_max);
            let outcome = feed(Limits::default(), pieces.iter().copied());
            assert_eq!(outcome, expected, "seed {seed}: {}", wire.escape_ascii());
        }
    }
}

#[test]
fn soup_over_small_limits_fails_at_the_same_place_under_any_cut() {
    let mut refusals = 0;
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let wire = random.soup(24);
        let limits = Limits::new().data_bytes_max(random.below(8)).field_bytes_max(random.below(4));
        let whole = feed(limits, [&wire[..]]);
        refusals += usize::from(whole.refused.is_some());
        for piece_len_max in [1, 3, 17] {
            let pieces = random.cut(&wire, piece_len_max);
            let outcome = feed(limits, pieces.iter().copied());
            assert_eq!(outcome, whole, "seed {seed}: {}", wire.escape_ascii());
        }
    }
    assert!((5_000..20_000).contains(&refusals), "{refusals} of 20000 were refused");
}
