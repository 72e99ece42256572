//! A reader that retention has passed gets a gap notice before the rest, and only if something is gone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{Seen, broker, drain, may_look_back, may_read, messages, publish, publish_at};
use tidewire_broker::{Broker, Limits, Position, Reader, Retention, Rules, Start};

fn reader(broker: &Broker, pattern: &str, start: Start) -> Reader {
    let mut reader = Reader::default();
    reader.follow(broker, &[may_read(pattern)], start);
    reader
}

fn after(offset: u64) -> Start {
    Start::after(Position { epoch: 7, offset })
}

fn gap(pattern: &str, from: u64, to: u64) -> Vec<Seen> {
    vec![Seen::Gap(pattern.into(), from, to)]
}

#[test]
fn a_resume_behind_retention_gets_a_gap_and_then_what_is_left() {
    let broker = broker(3);
    for _ in 0..5 {
        publish(&broker, "a");
    }
    let expected = [gap("a", 1, 2), messages([3, 4, 5])].concat();
    assert_eq!(drain(&broker, &mut reader(&broker, "a", after(1)), 1), expected);
    assert_eq!(drain(&broker, &mut reader(&broker, "a", after(2)), 1), messages([3, 4, 5]));
}

#[test]
fn other_channels_being_busy_loses_nothing_of_a_quiet_one() {
    let broker = broker(3);
    publish(&broker, "quiet");
    for _ in 0..50 {
        publish(&broker, "busy");
    }
    assert_eq!(drain(&broker, &mut reader(&broker, "quiet", after(0)), 1), messages([1]));
    assert_eq!(drain(&broker, &mut reader(&broker, "quiet", after(1)), 1), []);
}

#[test]
fn after_an_unknown_position_each_channel_reports_its_own_loss() {
    let broker = broker(3);
    publish(&broker, "quiet");
    for _ in 0..5 {
        publish(&broker, "busy");
    }
    let elsewhere = || Start::after(Position { epoch: 1, offset: 9 });
    let expected = [messages([1]), gap(">", 1, 3), messages([4, 5, 6])].concat();
    assert_eq!(drain(&broker, &mut reader(&broker, ">", elsewhere()), 1), expected);
    // The notice for the position ends where this channel goes on.
    assert_eq!(drain(&broker, &mut reader(&broker, "busy", elsewhere()), 1), messages([4, 5, 6]));
}

#[test]
fn starting_with_the_earliest_is_no_loss_but_what_goes_later_is() {
    let broker = broker(3);
    for _ in 0..5 {
        publish(&broker, "a");
    }
    publish(&broker, "b");
    let mut both = reader(&broker, ">", Start::Earliest(may_look_back()));
    let mut again = reader(&broker, ">", Start::Earliest(may_look_back()));
    assert_eq!(drain(&broker, &mut both, 1), messages([3, 4, 5, 6]));
    for _ in 0..2 {
        publish(&broker, "a");
    }
    let expected = [gap(">", 2, 4), messages([5, 6, 7, 8])].concat();
    assert_eq!(drain(&broker, &mut again, 1), expected);
}

#[test]
fn a_gap_is_reported_to_a_reader_once() {
    let broker = broker(2);
    for _ in 0..9 {
        publish(&broker, "a");
    }
    publish(&broker, "b");
    let mut reader = reader(&broker, ">", after(0));
    let expected = [gap(">", 0, 7), messages([8, 9, 10])].concat();
    assert_eq!(drain(&broker, &mut reader, 1), expected);
}

#[test]
fn what_the_whole_broker_cannot_hold_is_reported_too() {
    let limits = Limits { bytes_max: 850, ..Limits::default() };
    let broker = Broker::new(7, limits);
    let mut slow = reader(&broker, "*", Start::Now);
    for c in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        publish(&broker, c);
    }
    assert!(broker.stats().bytes <= 1_000);
    assert_eq!(broker.stats().evicted, 3);
    // A lane reports to a slow reader that there may be news anywhere. There is no lane here, so it resumes.
    assert_eq!(drain(&broker, &mut slow, 1), []);
    let mut resumed = reader(&broker, "*", after(0));
    assert_eq!(
        drain(&broker, &mut resumed, 1),
        [gap("*", 0, 3), messages([4, 5, 6, 7, 8])].concat()
    );
}

#[test]
fn age_takes_messages_without_any_publish() {
    let retention = Retention { age_max_ms: 100, ..Retention::default() };
    let broker = Broker::new(7, Limits { rules: Rules::keeping(retention), ..Limits::default() });
    publish_at(&broker, "a", 1_000);
    publish_at(&broker, "a", 1_050);
    broker.sweep(1_100, 10);
    let expected = [gap("a", 0, 1), messages([2])].concat();
    assert_eq!(drain(&broker, &mut reader(&broker, "a", after(0)), 1), expected);
}

#[test]
fn a_forgotten_channel_may_raise_a_false_alarm_but_never_a_silent_loss() {
    let retention = Retention { age_max_ms: 100, ..Retention::default() };
    let limits =
        Limits { rules: Rules::keeping(retention), dead_channels_max: 2, ..Limits::default() };
    let broker = Broker::new(7, limits);
    for n in 0..10 {
        publish_at(&broker, &format!("c{n}"), 0);
    }
    broker.sweep(1_000, 100);
    broker.sweep(1_000, 100);
    assert_eq!(broker.stats().channels, 2);
    for pattern in ["c0", "c9", "*"] {
        let seen = drain(&broker, &mut reader(&broker, pattern, after(0)), 1);
        assert!(matches!(&*seen, [Seen::Gap(_, 0, _)]), "{pattern}: {seen:?}");
    }
    assert_eq!(drain(&broker, &mut reader(&broker, "*", after(10)), 1), []);
    assert_eq!(drain(&broker, &mut reader(&broker, "c0", Start::Earliest(may_look_back())), 1), []);
}

#[test]
fn encodings_count_and_the_log_stays_within_its_bounds() {
    let limits = Limits { bytes_max: 4_000, ..Limits::default() };
    let broker = Broker::new(7, limits);
    for _ in 0..10 {
        publish(&broker, "a");
    }
    let mut all = reader(&broker, "a", after(0));
    let mut gathered = tidewire_broker::Gathered::default();
    all.gather(&broker, broker.head(), 1 << 20, &mut gathered);
    for message in gathered.messages() {
        assert_eq!(broker.encoded(message, 0, |_| vec![7; 1_000]), [7; 1_000]);
        assert!(broker.stats().bytes <= 4_000);
    }
}
