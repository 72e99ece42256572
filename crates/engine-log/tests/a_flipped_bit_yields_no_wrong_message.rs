//! Seeded damage anywhere in either file: a clear error, or everything read is as it was said.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions)]

#[path = "common/common.rs"]
mod common;
use common::{disk::Machine, open_at, open_on, publish, text};
use tidewire_broker::{Broker, Content, Gathered, Item, Options, Reader, Start};

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
        let mut reader = Reader::default();
        reader.follow(broker, &[format!("a{channel}").parse().unwrap()], Start::Earliest);
        let (mut seen, mut told, mut gathered) = (Vec::new(), 0, Gathered::default());
        while !gathered.is_caught_up() {
            reader.gather(broker, broker.head(), 64 << 10, &mut gathered);
            for item in gathered.items() {
                match item {
                    Item::Gap(gap) => told = told.max(gap.to),
                    Item::Message(message) => {
                        let number = (message.offset() as usize - 1) / 5;
                        let wanted = Content::Text(said(channel, number).into());
                        assert_eq!(message.content(), &wanted, "seed {seed}");
                        assert!(seen.last().is_none_or(|last| *last < number), "seed {seed}");
                        seen.push(number);
                    }
                }
            }
            reader.advance(&gathered, gathered.items().len());
        }
        let missing = (0..120).filter(|number| !seen.contains(number)).max();
        let is_told = missing.is_none_or(|number| (number * 5 + channel + 1) as u64 <= told);
        assert!(is_told || !is_same_epoch, "seed {seed}: {missing:?} is missing in silence");
    }
}

#[test]
fn a_flipped_bit_yields_no_wrong_message() {
    let whole = written();
    let settings = common::settings(Options::default());
    // What the store says of a damaged file by panicking is caught, and need not be printed.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.location().is_some_and(|at| at.file().contains("engine-log")) {
            usual(panic);
        }
    }));
    let (mut opened, mut refused) = (0, 0);
    for seed in seeds() {
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
    assert!(opened > refused, "{opened} opened, {refused} refused");
}

/// 200 of them, or those from the number given on.
fn seeds() -> std::ops::Range<u64> {
    let from = std::env::var("TIDEWIRE_SEED").map_or(0, |from| from.parse().unwrap());
    from..from + 200
}
