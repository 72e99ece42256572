//! Limits from outside: who is refused, by which limit, and for how long.

use super::*;
use crate::connection_kind::ConnectionKind;
use std::num::NonZeroU32;

const OFF: LimitSettings = LimitSettings::only_connections(9);

fn rate(count: u32) -> Option<Rate> {
    // So long that no test refills it.
    Some(format!("{count}/h").parse().unwrap())
}

fn client(address: &str, user: Option<&str>) -> Client {
    Client {
        connection: Some(ConnectionKey::Messages(1)),
        address: Some(ClientAddress::new(address.parse().unwrap())),
        named: named(user),
    }
}

fn named(user: Option<&str>) -> Named {
    Named { user: user.map(Into::into), key: None }
}

/// Which limit refuses a publish, if one does.
fn refused(limits: &Limits, client: &Client) -> Option<Limit> {
    limits.publish(client).err().map(|exceeded| exceeded.limit)
}

#[test]
fn each_party_has_a_rate_of_its_own_and_without_one_nobody_is_limited() {
    let limits = Limits::new(OFF);
    let alice = client("192.0.2.1", Some("alice"));
    assert!((0..100).all(|_| refused(&limits, &alice).is_none()));
    for (settings, limit, other) in [
        (
            LimitSettings { publishes_per_connection: rate(2), ..OFF },
            Limit::PublishesPerConnection,
            Client { connection: Some(ConnectionKey::Messages(2)), ..alice.clone() },
        ),
        (
            LimitSettings { publishes_per_address: rate(2), ..OFF },
            Limit::PublishesPerAddress,
            client("192.0.2.2", Some("alice")),
        ),
        (
            LimitSettings { publishes_per_user: rate(2), ..OFF },
            Limit::PublishesPerUser,
            client("192.0.2.1", Some("bob")),
        ),
    ] {
        let limits = Limits::new(settings);
        let outcomes: Vec<_> = (0..3).map(|_| refused(&limits, &alice)).collect();
        assert_eq!(outcomes, [None, None, Some(limit)]);
        assert_eq!((refused(&limits, &other), limits.reached(limit)), (None, 1));
    }
    let limits = Limits::new(LimitSettings { publishes_per_key: rate(1), ..OFF });
    let of_key = Named { user: None, key: Some("k1".into()) };
    let server = Client { named: of_key, ..client("192.0.2.1", None) };
    assert_eq!(refused(&limits, &server), None);
    assert_eq!(refused(&limits, &server), Some(Limit::PublishesPerKey));
    assert_eq!(refused(&limits, &alice), None);
}

#[test]
fn what_one_limit_refuses_counts_in_no_other() {
    let both = LimitSettings { publishes_per_user: rate(3), publishes_per_address: rate(1), ..OFF };
    let limits = Limits::new(both);
    let here = client("192.0.2.1", Some("alice"));
    assert_eq!(refused(&limits, &here), None);
    assert!((0..9).all(|_| refused(&limits, &here) == Some(Limit::PublishesPerAddress)));
    // Two are left of the three.
    for address in ["192.0.2.2", "192.0.2.3"] {
        assert_eq!(refused(&limits, &client(address, Some("alice"))), None);
    }
    let elsewhere = client("192.0.2.4", Some("alice"));
    assert_eq!(refused(&limits, &elsewhere), Some(Limit::PublishesPerUser));
}

#[test]
fn of_ipv6_the_first_64_bits_count() {
    let limits = Limits::new(LimitSettings { publishes_per_address: rate(1), ..OFF });
    assert_eq!(refused(&limits, &client("2001:db8::1", None)), None);
    assert!(refused(&limits, &client("2001:db8::2:3", None)).is_some());
    assert_eq!(refused(&limits, &client("2001:db8:0:1::1", None)), None);
}

#[test]
fn a_refusal_says_which_limit_it_is_and_when_to_come_back() {
    let rate = Rate::each_minute(NonZeroU32::new(2).unwrap());
    let limits = Limits::new(LimitSettings { publishes_per_address: Some(rate), ..OFF });
    let alice = client("192.0.2.1", None);
    let exceeded = (0..3).find_map(|_| limits.publish(&alice).err()).unwrap();
    assert!((29_000..=30_000).contains(&exceeded.wait_ms.unwrap()), "{exceeded:?}");
    let expected = "an address may publish 2/m messages (publishes_per_address); try again in 30 s";
    assert_eq!(exceeded.to_string(), expected);
}

#[test]
fn wrong_tokens_count_and_right_ones_do_not() {
    let limits = Limits::new(LimitSettings { failed_tokens_per_address: rate(2), ..OFF });
    let [here, there] = ["192.0.2.1", "192.0.2.2"]
        .map(|address| Some(ClientAddress::new(address.parse().unwrap())));
    assert!((0..9).all(|_| limits.check_failed_tokens(here).is_ok()));
    (0..2).for_each(|_| limits.note_failed_token(here));
    let exceeded = limits.check_failed_tokens(here).unwrap_err();
    assert_eq!(exceeded.limit, Limit::FailedTokensPerAddress);
    assert!(limits.check_failed_tokens(there).is_ok());
}

#[test]
fn an_address_and_a_user_have_so_many_connections_at_a_time() {
    let settings =
        LimitSettings { connections_per_address: Some(2), connections_per_user: Some(1), ..OFF };
    let limits = Limits::new(settings);
    let share = |address, user| limits.share(ConnectionKind::SseRaw, || client(address, user));
    let refused = |shared: Result<Option<Share>, Exceeded>| shared.err().map(|it| it.limit);
    let first = share("192.0.2.1", Some("alice")).unwrap();
    let of_user = share("192.0.2.9", Some("alice"));
    assert_eq!(refused(of_user), Some(Limit::ConnectionsPerUser));
    let second = share("192.0.2.1", None).unwrap();
    assert_eq!(refused(share("192.0.2.1", None)), Some(Limit::ConnectionsPerAddress));
    drop(second);
    assert!(share("192.0.2.1", None).unwrap().is_some());
    drop(first);
    assert!(lock(&limits.0.connections).is_empty(), "what has ended is not remembered");
}

#[test]
fn a_client_that_shows_a_token_later_counts_for_its_user_from_then_on() {
    let settings =
        LimitSettings { connections_per_address: Some(9), connections_per_user: Some(1), ..OFF };
    let limits = Limits::new(settings);
    let open = || limits.share(ConnectionKind::Tidewire, || client("192.0.2.1", None));
    let [mut first, mut second] = [open(), open()].map(|share| share.unwrap().unwrap());
    let alice = || named(Some("alice"));
    assert_eq!(first.identify(alice()), Ok(()));
    assert_eq!(first.identify(alice()), Ok(()));
    assert_eq!(second.identify(alice()).unwrap_err().limit, Limit::ConnectionsPerUser);
    drop(first);
    assert_eq!(second.identify(alice()), Ok(()));
    drop(second);
    assert!(lock(&limits.0.connections).is_empty());
}

#[test]
fn a_connection_that_no_limit_concerns_has_no_share() {
    let has_share = |settings, kind| {
        let limits = Limits::new(settings);
        limits.share(kind, || client("192.0.2.1", None)).unwrap().is_some()
    };
    let publishes = LimitSettings { publishes_per_user: rate(1), ..OFF };
    let tokens = LimitSettings { failed_tokens_per_address: rate(1), ..OFF };
    let connections = LimitSettings { connections_per_user: Some(1), ..OFF };
    for (kind, publishes_there, authenticates) in [
        (ConnectionKind::SseRaw, false, false),
        (ConnectionKind::WebSocketRaw, true, false),
        (ConnectionKind::Tidewire, true, true),
    ] {
        assert!(!has_share(OFF, kind) && has_share(connections, kind));
        assert_eq!(has_share(publishes, kind), publishes_there, "{kind:?}");
        assert_eq!(has_share(tokens, kind), authenticates, "{kind:?}");
    }
}

#[test]
fn limits_that_are_replaced_count_at_once_and_for_what_was_used_before() {
    let limits = Limits::new(LimitSettings { publishes_per_address: rate(9), ..OFF });
    let alice = client("192.0.2.1", None);
    assert!((0..5).all(|_| refused(&limits, &alice).is_none()));
    limits.replace(LimitSettings { publishes_per_address: rate(1), ..OFF });
    assert_eq!(refused(&limits, &alice), Some(Limit::PublishesPerAddress));
    limits.replace(OFF);
    assert!((0..99).all(|_| refused(&limits, &alice).is_none()));
    // What a slow rate would have held back for most of an hour waits no longer than under the fast one.
    let limits = Limits::new(LimitSettings { publishes_per_address: rate(1_000), ..OFF });
    assert_eq!((0..2_000).filter(|_| refused(&limits, &alice).is_none()).count(), 1_000);
    let fast = Some("100/s".parse().unwrap());
    limits.replace(LimitSettings { publishes_per_address: fast, ..OFF });
    let wait_ms = limits.publish(&alice).map_or_else(|exceeded| exceeded.wait_ms, |()| None);
    assert!(wait_ms.unwrap_or(0) <= 10, "{wait_ms:?}");
}
