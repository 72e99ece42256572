//! The seeded simulation in small; `cargo xtask simulate` runs thousands.
#![allow(missing_docs)]

use tidewire_test_harness::simulation::{Tally, simulate, trace};

#[test]
fn two_hundred_worlds_keep_every_promise() {
    let mut tally = Tally::default();
    for seed in 0..200 {
        tally.add(&simulate(seed).unwrap_or_else(|failure| panic!("{failure}")));
    }
    assert!(tally.missing(200).is_empty(), "the worlds proved too little: {tally}");
}

#[test]
fn a_seed_gives_the_same_trace_each_time() {
    for seed in 0..10 {
        assert_eq!(trace(seed), trace(seed), "seed {seed}");
    }
}
