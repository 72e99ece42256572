//! Progress, a word at a time.

use super::*;

const fn at(epoch: u64, offset: u64) -> Position {
    Position { epoch, offset }
}

fn progress(channels: &[&str], since: Since, order: Order) -> Progress {
    let mut progress = Progress::new(channels.iter().map(|&channel| channel.into()), since);
    progress.reconnect(order);
    progress
}

fn message(channel: &str, position: Position) -> Message {
    let json = format!(r#"{{"channel":"{channel}","position":"{position}","time":0,"data":1}}"#);
    serde_json::from_str(&json).unwrap()
}

fn removal(channel: &str, position: Position) -> Message {
    Message { data: None, ..message(channel, position) }
}

fn gap(channel: &str, from: &str, to: Position) -> Gap {
    let json = format!(r#"{{"channel":"{channel}","from":"{from}","to":"{to}"}}"#);
    serde_json::from_str(&json).unwrap()
}

#[test]
fn before_anything_is_received_the_request_stands() {
    assert_eq!(progress(&["a"], Since::Earliest, Order::Joint).since(), Since::Earliest);
    assert_eq!(progress(&["a"], Since::Now, Order::Joint).bookmark(), None);
    let resumed = progress(&["a"], Since::after(at(1, 5)), Order::Joint);
    assert_eq!(resumed.bookmark(), Some(at(1, 5).into()));
}

#[test]
fn one_order_moves_every_place() {
    let mut progress = progress(&["a", "b"], Since::Now, Order::Joint);
    assert!(progress.handle_message(&message("a", at(1, 5))));
    assert_eq!(progress.since_of("b"), Since::after(at(1, 5)));
    assert!(!progress.handle_message(&message("a", at(1, 5))));
    assert!(progress.handle_message(&message("b", at(1, 6))));
    assert_eq!(progress.bookmark(), Some(at(1, 6).into()));
}

#[test]
fn on_a_websocket_each_subscription_moves_alone() {
    let mut progress = progress(&["a", "b.*"], Since::Earliest, Order::Separate);
    progress.handle_subscribed("a", at(1, 0));
    assert!(progress.handle_message(&message("a", at(1, 9))));
    assert_eq!(progress.since(), Since::Earliest);
    progress.handle_subscribed("b.*", at(1, 2));
    assert!(progress.handle_message(&message("b.c", at(1, 3))));
    assert_eq!(progress.since_of("a"), Since::after(at(1, 9)));
    assert_eq!(progress.since_of("b.*"), Since::after(at(1, 3)));
    assert_eq!(progress.bookmark(), Some(at(1, 3).into()));
}

#[test]
fn a_place_stays_until_its_own_subscription_has_begun() {
    let mut progress = progress(&["chat.*", ">"], Since::Earliest, Order::Separate);
    progress.handle_subscribed("chat.*", at(1, 1));
    assert!(progress.handle_message(&message("chat.a", at(1, 2))));
    progress.handle_position(at(1, 2).into());
    assert_eq!(progress.since_of(">"), Since::Earliest);
    progress.handle_subscribed(">", at(1, 0));
    assert!(progress.handle_message(&message("news.a", at(1, 1))));
    assert!(!progress.handle_message(&message("chat.a", at(1, 2))));
    assert_eq!(progress.since_of(">"), Since::after(at(1, 2)));
}

#[test]
fn on_a_new_connection_every_subscription_has_to_begin_anew() {
    let mut progress = progress(&["a.*", ">"], Since::Now, Order::Separate);
    progress.handle_subscribed("a.*", at(1, 5));
    progress.handle_subscribed(">", at(1, 5));
    progress.reconnect(Order::Separate);
    progress.handle_subscribed("a.*", at(1, 5));
    assert!(progress.handle_message(&message("a.b", at(1, 7))));
    assert_eq!(progress.since_of(">"), Since::after(at(1, 5)));
    progress.handle_subscribed(">", at(1, 5));
    assert!(progress.handle_message(&message("c", at(1, 6))));
    assert!(!progress.handle_message(&message("a.b", at(1, 7))));
}

#[test]
fn what_came_before_a_subscription_began_is_no_repeat_for_another() {
    let mut progress = progress(&[">", "a.*"], Since::Now, Order::Separate);
    progress.handle_subscribed(">", at(1, 5));
    progress.handle_subscribed("a.*", at(1, 7));
    progress.reconnect(Order::Separate);
    assert_eq!(progress.since_of(">"), Since::after(at(1, 5)));
    progress.handle_subscribed(">", at(1, 5));
    assert!(progress.handle_message(&message("a.b", at(1, 6))));
}

#[test]
fn what_comes_again_after_a_change_of_wire_is_not_new() {
    let mut progress = progress(&["a", "b"], Since::Earliest, Order::Separate);
    progress.handle_subscribed("a", at(1, 2));
    progress.handle_subscribed("b", at(1, 2));
    progress.handle_message(&message("a", at(1, 9)));
    progress.handle_message(&message("b", at(1, 3)));
    progress.reconnect(Order::Joint);
    assert!(progress.handle_message(&message("b", at(1, 4))));
    assert!(!progress.handle_message(&message("a", at(1, 9))));
    assert!(progress.handle_message(&message("a", at(1, 10))));
}

#[test]
fn a_begun_subscription_that_asked_for_more_is_still_given_it() {
    let mut resumed = progress(&["a"], Since::after(at(1, 5)), Order::Separate);
    resumed.handle_subscribed("a", at(1, 5));
    assert_eq!(resumed.bookmark(), Some(at(1, 5).into()));
    assert!(resumed.handle_message(&message("a", at(1, 6))));
    assert!(resumed.handle_message(&message("a", at(1, 7))));

    for since in [Since::Now, "5m".parse().unwrap()] {
        let mut live = progress(&["a"], since, Order::Separate);
        live.handle_subscribed("a", at(1, 9));
        assert_eq!(live.bookmark(), Some(at(1, 9).into()));
    }
}

#[test]
fn what_a_websocket_brings_unasked_is_left_out() {
    let mut progress = progress(&["a"], Since::Now, Order::Separate);
    assert!(!progress.handle_message(&message("lobby", at(1, 5))));
    assert_eq!(progress.bookmark(), None);
}

#[test]
fn what_the_system_says_is_no_repeat_of_what_a_wildcard_had() {
    let mut progress = progress(&[">", "$presence.a"], Since::after(at(1, 5)), Order::Separate);
    progress.handle_subscribed(">", at(1, 5));
    assert!(progress.handle_message(&message("a", at(1, 9))));
    progress.handle_subscribed("$presence.a", at(1, 5));
    assert!(progress.handle_message(&message("$presence.a", at(1, 7))));
}

#[test]
fn a_message_for_two_subscriptions_is_taken_once() {
    let mut progress = progress(&["a.*", "a.b", "a.b"], Since::Now, Order::Separate);
    assert_eq!(progress.channels().collect::<Vec<_>>(), ["a.*", "a.b"]);
    progress.handle_subscribed("a.*", at(1, 4));
    progress.handle_subscribed("a.b", at(1, 4));
    assert!(progress.handle_message(&message("a.b", at(1, 5))));
    assert!(!progress.handle_message(&message("a.b", at(1, 5))));
}

#[test]
fn the_end_of_a_page_is_kept_as_it_was_said() {
    let mut progress = progress(&["a", "b"], Since::Earliest, Order::Joint);
    let (five, nine) = (at(1, 5), at(1, 9));
    assert!(progress.handle_message(&message("a", five)));
    progress.handle_position(Bookmark { after: five, state: Some(8) });
    assert_eq!(progress.since().to_string(), "1-5~8");
    assert_eq!(progress.since_of("b").to_string(), "1-5~8");
    assert!(progress.handle_message(&message("a", nine)));
    assert_eq!(progress.since(), Since::after(nine));
}

#[test]
fn a_channel_without_a_place_is_asked_for_alone_before_one_order_takes_all() {
    let mut progress = progress(&["a", "b"], Since::Earliest, Order::Separate);
    assert_eq!(progress.missing().count(), 0);
    progress.handle_subscribed("a", at(1, 0));
    progress.handle_message(&message("a", at(1, 7)));
    assert_eq!(progress.missing().collect::<Vec<_>>(), ["b"]);

    progress.reconnect(Order::Missing);
    assert!(progress.handle_message(&message("b", at(1, 3))));
    progress.handle_position(Bookmark { after: at(1, 3), state: Some(9) });
    assert_eq!(progress.since_of("a"), Since::after(at(1, 7)));
    assert_eq!(progress.missing().count(), 0);
    // Removals behind 7 are owed to `a`, so only those up to there may be passed over for `b`.
    assert_eq!(progress.since().to_string(), "1-3~7");
}

#[test]
fn a_channel_of_an_earlier_life_is_asked_for_alone_before_one_order_takes_all() {
    let mut progress = progress(&["a", "b"], Since::Now, Order::Separate);
    progress.handle_subscribed("a", at(1, 5));
    progress.handle_subscribed("b", at(1, 5));
    // The server is another; `b` goes on there, and the link is cut before `a` does.
    progress.reconnect(Order::Separate);
    assert!(progress.handle_gap(&gap("b", "1-5", at(2, 0))));
    progress.handle_subscribed("b", at(2, 0));
    assert!(progress.handle_message(&message("b", at(2, 30))));
    // From 1-5 on for both, a loss after 2-30 would not be reported.
    assert_eq!(progress.missing().collect::<Vec<_>>(), ["a"]);
    assert_eq!(progress.since_of_missing(), Since::after(at(1, 5)));

    progress.reconnect(Order::Missing);
    assert!(progress.handle_gap(&gap("a", "1-5", at(2, 0))));
    assert_eq!(progress.since_of("b"), Since::after(at(2, 30)));
    assert_eq!(progress.missing().count(), 0);
    progress.reconnect(Order::Joint);
    assert_eq!(progress.since(), Since::after(at(2, 0)));
    assert!(progress.handle_gap(&gap("b", "2-0", at(2, 50))), "it had 30");
}

#[test]
fn a_removal_that_one_channel_was_spared_is_new_to_another() {
    let mut progress = progress(&["a.*", ">"], Since::Earliest, Order::Separate);
    progress.handle_subscribed(">", at(1, 0));
    assert!(progress.handle_message(&message("a.b", at(1, 3))));
    // `a.*` begins with the state of 9, in which a removal at 7 is passed over.
    progress.reconnect(Order::Missing);
    progress.handle_position(at(1, 9).into());
    progress.reconnect(Order::Joint);
    assert_eq!(progress.since(), Since::after(at(1, 3)));
    assert!(progress.handle_message(&removal("a.b", at(1, 7))));
    assert!(!progress.handle_message(&removal("a.b", at(1, 7))));
}

#[test]
fn a_channel_that_begins_later_after_a_cut_has_had_nothing_of_before() {
    // A time that has not come yet: what is begun before it gets everything from then on.
    let mut progress = progress(&["d", "*"], Since::Time(9), Order::Separate);
    progress.handle_subscribed("d", at(1, 5));
    progress.handle_subscribed("*", at(1, 5));
    assert!(progress.handle_message(&message("a", at(1, 6))));
    // By now it has, and `d` begins with the first message of it.
    progress.reconnect(Order::Missing);
    assert!(progress.handle_message(&message("d", at(1, 26))));
    progress.reconnect(Order::Joint);
    assert!(progress.handle_message(&message("d", at(1, 22))), "`*` lost a message");
    assert!(!progress.handle_message(&message("d", at(1, 26))));
}

#[test]
fn a_gap_is_reported_once_and_what_is_left_before_its_end_still_comes() {
    let mut progress = progress(&["a.*"], Since::after(at(1, 5)), Order::Separate);
    assert!(progress.handle_gap(&gap("a.*", "1-5", at(1, 30))));
    progress.reconnect(Order::Separate);
    progress.handle_subscribed("a.*", at(1, 5));
    assert!(!progress.handle_gap(&gap("a.*", "1-5", at(1, 30))));
    assert!(progress.handle_message(&message("a.b", at(1, 15))));
    assert!(progress.handle_gap(&gap("a.*", "1-15", at(1, 31))));
    progress.handle_position(at(1, 31).into());
    assert_eq!(progress.since_of("a.*"), Since::after(at(1, 31)));
    assert!(!progress.handle_gap(&gap("a.*", "1-5", at(1, 31))));
}

#[test]
fn where_a_place_means_nothing_to_the_server_it_says_where_it_goes_on() {
    let mut progress = progress(&["a", "b"], Since::after(at(1, 50)), Order::Separate);
    assert!(progress.handle_gap(&gap("a", "1-50", at(2, 3))));
    assert_eq!(progress.since_of("a"), Since::after(at(2, 3)));
    assert_eq!(progress.since_of("b"), Since::after(at(1, 50)));
    // An older copy of the log, where the position is yet to come.
    assert!(progress.handle_gap(&gap("b", "1-50", at(1, 9))));
    progress.handle_subscribed("b", at(1, 9));
    assert!(progress.handle_message(&message("b", at(1, 10))));
}

#[test]
fn a_gap_that_another_channels_place_made_takes_nothing_back() {
    let mut progress = progress(&["a", "b"], Since::after(at(1, 50)), Order::Separate);
    assert!(progress.handle_gap(&gap("a", "1-50", at(2, 3))));
    progress.handle_subscribed("a", at(2, 3));
    assert!(progress.handle_message(&message("a", at(2, 6))));
    // A wire of one order resumes from the place of `b`, which was not subscribed by then.
    progress.reconnect(Order::Joint);
    assert_eq!(progress.since(), Since::after(at(1, 50)));
    assert!(!progress.handle_gap(&gap("a", "1-50", at(2, 3))));
    assert!(progress.handle_gap(&gap("b", "1-50", at(2, 3))));
    assert!(!progress.handle_message(&message("a", at(2, 6))));
    assert!(progress.handle_message(&message("b", at(2, 7))));
}

#[test]
fn a_new_epoch_starts_over_and_the_old_one_is_behind() {
    let mut progress = progress(&["a", "b"], Since::Now, Order::Separate);
    progress.handle_subscribed("a", at(1, 50));
    progress.handle_subscribed("b", at(1, 70));
    assert!(progress.handle_message(&message("a", at(2, 1))));
    assert_eq!(progress.bookmark(), Some(at(1, 70).into()));
    progress.handle_position(at(2, 0).into());
    assert_eq!(progress.since_of("a"), Since::after(at(2, 1)));
    assert_eq!(progress.bookmark(), Some(at(2, 0).into()));
}
