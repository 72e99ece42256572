//! Random rules, in any order, beside trying every one against every other.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

use tidewire_broker::{ChannelName, Options, Pattern, Rule, Rules};

const TOKENS: [&str; 3] = ["a", "b", "c"];

fn random_text(random: &mut fastrand::Rng, wildcards: bool) -> String {
    let count = random.usize(1..=4);
    let tokens = (0..count).map(|at| match random.u8(0..5) {
        0 | 1 if wildcards => "*",
        2 if wildcards && at + 1 == count => ">",
        _ => TOKENS[random.usize(0..TOKENS.len())],
    });
    tokens.collect::<Vec<&str>>().join(".")
}

/// Whether the first token in which they differ is nearer to a name in `one`.
fn is_more_specific(one: &Pattern, other: &Pattern) -> bool {
    let pairs = one.as_str().split('.').zip(other.as_str().split('.'));
    match pairs.into_iter().find(|(token, against)| token != against) {
        Some((_, ">")) => true,
        Some((token, "*")) => token != ">",
        _ => false,
    }
}

/// The value of the one rule that goes before every other; of twins, the later.
fn winner(channel: &ChannelName, rules: &[(Pattern, Option<usize>)]) -> Option<usize> {
    let stating =
        rules.iter().filter(|(pattern, value)| value.is_some() && pattern.matches(channel));
    let stating: Vec<_> = stating.collect();
    let mut winners = stating.iter().enumerate().filter(|(at, (pattern, _))| {
        stating.iter().enumerate().all(|(against, (other, _))| {
            is_more_specific(pattern, other) || pattern == other && *at >= against
        })
    });
    let winner = winners.next();
    assert!(winner.is_some() != stating.is_empty() && winners.next().is_none(), "{channel}");
    winner.and_then(|(_, (_, value))| *value)
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut stated = Vec::new();
    for at in 0..random.usize(0..10) {
        let pattern: Pattern = random_text(&mut random, true).parse().unwrap();
        let (messages, bytes) = (random.bool().then_some(at + 1), random.bool().then_some(at + 1));
        stated.push((pattern, messages, bytes));
    }
    let rules = stated.iter().map(|(pattern, retention_messages, message_bytes_max)| {
        let rule = Rule {
            retention_messages: *retention_messages,
            message_bytes_max: *message_bytes_max,
            ..Rule::default()
        };
        (pattern.clone(), rule)
    });
    let rules = Rules::new(Options::default(), rules);
    let of_messages: Vec<_> = stated.iter().map(|(it, value, _)| (it.clone(), *value)).collect();
    let of_bytes: Vec<_> = stated.iter().map(|(it, _, value)| (it.clone(), *value)).collect();
    for _ in 0..20 {
        let channel: ChannelName = random_text(&mut random, false).parse().unwrap();
        let options = rules.of(&channel);
        assert_eq!(
            options.retention.messages_max,
            winner(&channel, &of_messages).unwrap_or(10_000)
        );
        assert_eq!(options.message_bytes_max, winner(&channel, &of_bytes).unwrap_or(1 << 20));
    }
}

#[test]
fn for_each_option_by_itself() {
    for seed in 0..3_000 {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
