//! Each lie of a client, and the plain truth beside it.

use super::*;
use serde_json::json;

/// Messages at offsets 1, 2, … of epoch 7, of these channels.
fn log(channels: &[&'static str]) -> Truth {
    let mut truth = Truth::default();
    for (offset, channel) in (1..).zip(channels) {
        let serial = truth.next(channel);
        truth.note(serial, (7, offset)).unwrap();
    }
    truth
}

fn position(epoch: u64, offset: u64) -> Position {
    Position { epoch, offset }
}

fn message(channel: &str, epoch: u64, offset: u64) -> Message {
    Message {
        channel: channel.to_owned(),
        position: position(epoch, offset),
        data: json!(offset.to_string()),
    }
}

fn gap(channel: &str, from: (u64, u64), to: (u64, u64)) -> Gap {
    let (from, to) = (position(from.0, from.1).to_string(), position(to.0, to.1));
    Gap { channel: channel.to_owned(), from, to }
}

/// A subscription to `a` and what it was given, `given` of epoch 7.
fn record(beginning: Beginning, given: &[u64]) -> Record {
    let mut record = Record::new(vec!["a"], beginning, None);
    record.enter_begun(position(7, 0), 0).unwrap();
    given.iter().for_each(|offset| record.enter_message(&message("a", 7, *offset)).unwrap());
    record
}

fn says(outcome: Result<()>, part: &str) {
    let error = outcome.expect_err(part).to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn everything_once_and_in_order_is_fine() {
    let truth = log(&["a", "b", "a"]);
    record(Beginning::Earliest, &[1, 3]).check(&truth, true).unwrap();
}

#[test]
fn a_repetition_and_what_is_late_are_found_at_once() {
    let mut record = record(Beginning::Earliest, &[1, 3]);
    says(record.enter_message(&message("a", 7, 3)), "came twice");
    says(record.enter_message(&message("a", 7, 2)), "came after");
    says(record.enter_message(&message("b", 7, 4)), "nobody asked for");
}

#[test]
fn a_silent_loss_is_found_in_the_middle_and_at_the_end() {
    let truth = log(&["a", "a", "a"]);
    for given in [&[1, 3][..], &[2, 3], &[1, 2], &[]] {
        says(record(Beginning::Earliest, given).check(&truth, true), "is lost");
    }
    // Where not everything is kept, it is owed what came after it began, and after the first that it was given.
    let mut late = Record::new(vec!["a"], Beginning::Earliest, None);
    late.enter_begun(position(7, 0), 2).unwrap();
    late.enter_message(&message("a", 7, 2)).unwrap();
    late.enter_message(&message("a", 7, 3)).unwrap();
    late.check(&truth, false).unwrap();
    says(late.check(&truth, true), "is lost");
    let mut late = Record::new(vec!["a"], Beginning::Earliest, None);
    late.enter_begun(position(7, 0), 2).unwrap();
    says(late.check(&truth, false), "is lost");
}

#[test]
fn a_gap_has_to_come_first_and_to_cover_the_loss() {
    let truth = log(&["a", "a", "a"]);
    let mut good = record(Beginning::Earliest, &[1]);
    good.enter_gap(&gap("a", (7, 1), (7, 2))).unwrap();
    good.enter_message(&message("a", 7, 3)).unwrap();
    good.check(&truth, true).unwrap();
    let mut late = record(Beginning::Earliest, &[1, 3]);
    late.enter_gap(&gap("a", (7, 1), (7, 2))).unwrap();
    says(late.check(&truth, true), "in time");
    let mut short = record(Beginning::Earliest, &[1]);
    short.enter_gap(&gap("a", (7, 2), (7, 3))).unwrap();
    says(short.check(&truth, true), "is lost");
}

#[test]
fn a_gap_where_nothing_is_missing_is_false() {
    let mut record = record(Beginning::Earliest, &[1, 2]);
    record.enter_gap(&gap("a", (7, 0), (7, 2))).unwrap();
    says(record.check(&log(&["a", "a"]), true), "nothing is missing");
    says(record.enter_gap(&gap("a", (7, 0), (7, 2))), "came twice");
}

#[test]
fn a_position_before_its_messages_is_a_lie() {
    let truth = log(&["a", "a"]);
    let mut record = record(Beginning::Earliest, &[1]);
    record.enter_claim(Some(position(7, 1)));
    record.enter_claim(Some(position(7, 2)));
    record.enter_message(&message("a", 7, 2)).unwrap();
    says(record.check(&truth, true), "its position was");
}

#[test]
fn the_end_of_an_epoch_has_to_be_said() {
    let mut truth = log(&["a", "a"]);
    let serial = truth.next("a");
    truth.note(serial, (8, 1)).unwrap();
    let mut silent = record(Beginning::Earliest, &[1]);
    silent.enter_message(&message("a", 8, 1)).unwrap();
    says(silent.check(&truth, true), "is over, and nobody said so");
    let mut informed = record(Beginning::Earliest, &[1]);
    informed.enter_gap(&gap("a", (7, 1), (8, 0))).unwrap();
    informed.enter_message(&message("a", 8, 1)).unwrap();
    informed.check(&truth, true).unwrap();
    says(informed.enter_message(&message("a", 7, 2)), "came back");
    // It says that it had more than it was given.
    let mut boasts = record(Beginning::Earliest, &[1]);
    boasts.enter_gap(&gap("a", (7, 2), (8, 0))).unwrap();
    boasts.enter_message(&message("a", 8, 1)).unwrap();
    says(boasts.check(&truth, true), "is lost");
}

#[test]
fn what_is_closed_is_owed_what_came_before_its_position() {
    let truth = log(&["a", "a", "a"]);
    let mut closed = record(Beginning::Earliest, &[1, 2]);
    closed.enter_end(Some(position(7, 2))).unwrap();
    closed.check(&truth, true).unwrap();
    says(closed.enter_message(&message("a", 7, 3)), "after the subscription was closed");
    let mut boasts = record(Beginning::Earliest, &[1, 2]);
    boasts.enter_end(Some(position(7, 3))).unwrap();
    says(boasts.check(&truth, true), "lost");
    // Another one goes on there.
    let mut next = Record::new(vec!["a"], Beginning::Where { subscription: 0 }, Some((7, 2)));
    says(next.check(&truth, true), "is lost");
    next.enter_message(&message("a", 7, 3)).unwrap();
    next.check(&truth, true).unwrap();
}
