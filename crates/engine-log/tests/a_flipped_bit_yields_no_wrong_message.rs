//! Seeded damage anywhere in either file: a clear error, or everything read is as it was said.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/common.rs"]
mod common;
use common::{disk::Machine, everything, open_at, open_on, publish, text};
use tidewire_broker::{Broker, Options, Retention};

fn said(channel: usize, number: usize) -> String {
    format!("{channel}.{number} {}", "x".repeat(number * 37 % 300))
}

/// Files with 600 messages, some settled and some in the journal.
fn written() -> Machine {
    let machine = Machine::default();
    let settings = common::settings(Options::default());
    for half in 0..2 {
        let (engine, broker) = open_on(&machine, &settings);
        for number in half * 60..half * 60 + 60 {
            for channel in 0..5 {
                publish(&engine, &format!("a{channel}"), text(&said(channel, number))).unwrap();
            }
        }
        if half == 1 {
            // Not closed quietly: its journal is not empty.
            return machine.copy();
        }
        drop((engine, broker));
    }
    unreachable!()
}

/// Every message is one that was said, in order, and whatever is missing was told.
fn check(broker: &Broker, is_same_epoch: bool, seed: u64) {
    for channel in 0..5 {
        let mut next = 0;
        for item in everything(broker, &format!("a{channel}")) {
            if item == "gap" {
                next = usize::MAX;
                continue;
            }
            let number: usize =
                item.split(['.', ' ']).nth(1).and_then(|number| number.parse().ok()).unwrap();
            assert_eq!(item, said(channel, number), "seed {seed}");
            let is_next = number == next || next == usize::MAX || !is_same_epoch;
            assert!(is_next, "seed {seed}: {number} instead of {next} in silence");
            next = number + 1;
        }
        assert!(next == 120 || next == usize::MAX || !is_same_epoch, "seed {seed}: ends at {next}");
    }
}

#[test]
fn a_flipped_bit_yields_no_wrong_message() {
    let whole = written();
    let retention = Retention::default();
    let settings = common::settings(Options { retention, ..Options::default() });
    std::panic::set_hook(Box::new(|info| {
        if info.location().is_some_and(|at| at.file().contains("engine-log")) {
            eprintln!("{info}")
        }
    }));
    let (mut opened, mut refused) = (0, 0);
    for seed in 0..400 {
        let mut random = fastrand::Rng::with_seed(seed);
        let flip = |bytes: &mut Vec<u8>| {
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
            bytes[random.usize(..used)] ^= 1 << random.u8(..8);
        };
        let mut machine = whole.copy();
        match seed % 4 {
            0 => machine.journal = machine.journal.harmed(flip),
            _ => machine.rows = machine.rows.harmed(flip),
        }
        match open_at(&machine, &settings, 9_000) {
            Ok((_engine, broker)) => {
                check(&broker, broker.epoch() == 1_000, seed);
                opened += 1;
            }
            Err(_) => refused += 1,
        }
    }
    let _ = std::panic::take_hook();
    assert!(opened > 100 && opened + refused == 400, "{opened} opened, {refused} refused");
}
