//! Rules that replace others: for channels that there are and for those that come, but none is compacted by them that was
//! not before, nor the other way round.
#![allow(clippy::unwrap_used)]

use crate::common::publish_times;
use tidewire_broker::{Broker, ChannelName, Limits, Options, Retention, Rule, Rules};

fn rules(rule: Rule) -> Rules {
    let retention = Retention { messages_max: 100, ..Retention::default() };
    Rules::new(Options { retention, ..Options::default() }, [("a.>".parse().unwrap(), rule)])
}

fn name(name: &str) -> ChannelName {
    name.parse().unwrap()
}

#[test]
fn other_rules_hold_for_every_channel_there_is() {
    let broker = Broker::new(1, Limits { rules: rules(Rule::default()), ..Limits::default() });
    publish_times(&broker, "a.old", 9);
    publish_times(&broker, "b", 9);
    let rule = Rule { retention_messages: Some(3), presence: Some(true), ..Rule::default() };
    assert_eq!(broker.replace_rules(rules(rule)), 0);
    for channel in ["a.old", "a.new"] {
        assert_eq!(broker.options(&name(channel)).retention.messages_max, 3, "{channel}");
        assert!(broker.presence_channel(&name(channel)).is_some(), "{channel}");
    }
    publish_times(&broker, "a.old", 1);
    publish_times(&broker, "b", 1);
    let mut kept = Vec::new();
    broker.each_channel(|channel| kept.push((channel.name.to_string(), channel.messages)));
    kept.sort_unstable();
    assert_eq!(kept, [("a.old".to_owned(), 3), ("b".to_owned(), 10)]);
}

#[test]
fn a_channel_stays_compacted_or_not_and_keeps_its_options_then() {
    let broker = Broker::new(1, Limits { rules: rules(Rule::default()), ..Limits::default() });
    publish_times(&broker, "a.old", 9);
    let compact = Rule { compact: Some(true), retention_messages: Some(3), ..Rule::default() };
    assert_eq!(broker.replace_rules(rules(compact)), 1);
    let options = broker.options(&name("a.old"));
    assert!(options.compaction.is_none() && options.retention.messages_max == 100);
    assert!(
        broker.options(&name("a.new")).compaction.is_some(),
        "one that comes follows the rules"
    );
}
