//! A grant with permissions gives permits for what they cover, for each action apart; an open one for everything,
//! and one for reading for everything that nobody notices.
#![allow(missing_docs, clippy::unwrap_used)]

use tidewire_broker::{
    Action, ChannelName, Forbidden, Grant, Options, Pattern, Permissions, Rules,
};
use tidewire_broker::{Broker, Limits, Rule};

fn grant(publish: &[&str], subscribe: &[&str], presence: &[&str]) -> Grant {
    let [publish, subscribe, presence] = [publish, subscribe, presence]
        .map(|all| all.iter().map(|it| it.parse().unwrap()).collect());
    Grant::limited_to(Permissions { publish, subscribe, presence, history: false })
}

fn name(text: &str) -> ChannelName {
    text.parse().unwrap()
}

fn may_read(grant: &Grant, pattern: &str) -> bool {
    grant.permit_subscribe(&pattern.parse().unwrap()).is_ok()
}

#[test]
fn each_action_has_its_own_channels() {
    let grant = grant(&["in.>"], &["out.>", "both"], &["out.a"]);
    for (channel, may_publish, may_follow, may_be_there) in [
        ("in.a", true, false, false),
        ("out.a", false, true, true),
        ("out.b", false, true, false),
        ("both", false, true, false),
        ("other", false, false, false),
    ] {
        let may = [
            grant.permit(&name(channel)).is_ok(),
            may_read(&grant, channel),
            grant.permit_presence(&name(channel)).is_ok(),
            grant.permit_join(&name(channel)).is_ok(),
        ];
        assert_eq!(may, [may_publish, may_follow, may_be_there, may_be_there], "{channel}");
    }
    let error = grant.permit(&name("out.a")).unwrap_err();
    let expected = Forbidden::NotCovered { action: Action::Publish, pattern: name("out.a").into() };
    assert_eq!(error, expected);
    let text = "publishing to out.a is not allowed; the caller's grant does not cover it";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_pattern_may_be_read_if_one_permission_covers_all_of_it() {
    let grant = grant(&[], &["chat.>", "news.*", "a", "b"], &[]);
    for pattern in ["chat.>", "chat.*", "chat.*.x", "chat.a", "news.*", "news.a", "a"] {
        assert!(may_read(&grant, pattern), "{pattern}");
    }
    for pattern in [">", "*", "*.a", "news.>", "news.a.b", "chat", "c", "$presence.a"] {
        assert!(!may_read(&grant, pattern), "{pattern}");
    }
}

#[test]
fn who_may_read_who_is_there_may_follow_the_list_of_them() {
    let grant = grant(&[], &[], &["room.>"]);
    for pattern in ["$presence.room.a", "$presence.room.>", "$presence.room.*"] {
        assert!(may_read(&grant, pattern), "{pattern}");
    }
    for pattern in ["$presence.>", "$presence.other", "$>", "$*.room.a", "room.a"] {
        assert!(!may_read(&grant, pattern), "{pattern}");
    }
}

#[test]
fn what_is_past_takes_a_permission_of_its_own() {
    let without = grant(&["a"], &[">"], &["a"]);
    let error = without.permit_history().unwrap_err();
    assert_eq!(error, Forbidden::History);
    assert_eq!(
        error.to_string(),
        "reading messages from before this request is not allowed; the caller's grant does not include \
         history. It may begin with `now`, or after a position that it has"
    );
    let with = Permissions { history: true, ..Permissions::default() };
    assert!(Grant::limited_to(with).permit_history().is_ok());
}

#[test]
fn reading_only_takes_away_what_others_notice_and_nothing_else() {
    let acting = grant(&["a"], &["a"], &["a"]);
    assert!(acting.permit(&name("a")).is_ok() && acting.permit_join(&name("a")).is_ok());
    let reading = acting.until(7).reading_only();
    let publish = reading.permit(&name("a")).unwrap_err();
    assert_eq!(publish, Forbidden::Publishing { channel: name("a") });
    assert!(reading.permit_join(&name("a")).is_err());
    assert!(may_read(&reading, "a") && !may_read(&reading, "b"));
    assert!(reading.permit_presence(&name("a")).is_ok());
    assert_eq!(reading.expires_ms(), Some(7));
}

#[test]
fn an_open_grant_and_one_for_reading_read_everything() {
    for grant in [Grant::open(), Grant::reading(), Grant::open().until(7)] {
        assert!(may_read(&grant, ">") && may_read(&grant, "$>") && grant.permit_history().is_ok());
        assert!(grant.permit_presence(&name("a")).is_ok());
        assert_eq!(grant.permit(&name("a")).is_ok(), grant.permit_join(&name("a")).is_ok());
    }
    assert_eq!((Grant::open().expires_ms(), Grant::open().until(7).expires_ms()), (None, Some(7)));
}

#[test]
fn the_permit_to_read_members_is_for_the_list_of_a_channel_that_has_one() {
    let presence = Rule { presence: Some(true), ..Rule::default() };
    let rules = Rules::new(Options::default(), [("room.>".parse().unwrap(), presence)]);
    let broker = Broker::new(7, Limits { rules, ..Limits::default() });
    let list =
        |channel| broker.presence_list(&Grant::open().permit_presence(&name(channel)).unwrap());
    let expected: Pattern = "$presence.room.a".parse().unwrap();
    assert_eq!(list("room.a").map(|(permit, _)| permit.pattern().clone()), Some(expected));
    assert_eq!(list("other"), None);
}
