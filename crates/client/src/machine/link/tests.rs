//! A link, item by item, with the time that the test says.

mod faults;

use super::*;
use crate::{
    Delivery,
    machine::{Failure, Item},
};
use tidewire_protocol::{ErrorEvent, Gap, Message, PollAnswer};

const fn at(offset: u64) -> Position {
    Position { epoch: 1, offset }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn message(channel: &str, offset: u64) -> Message {
    let position = at(offset);
    let json = format!(r#"{{"channel":"{channel}","position":"{position}","time":0,"data":1}}"#);
    serde_json::from_str(&json).unwrap()
}

fn page(messages: Vec<Message>, offset: u64) -> PollAnswer {
    PollAnswer { messages, position: at(offset).into(), gaps: Vec::new(), retry_ms: None }
}

fn problem(code: &str) -> Box<Problem> {
    Box::new(Problem::from_text(code, "no"))
}

/// A link, its clock, and what it wants.
struct World {
    link: Link,
    now: Duration,
}

impl World {
    fn new(wire: Wire) -> Self {
        let (heartbeat, attempts_max) = (Duration::from_secs(20), u32::MAX);
        let backoff = Backoff::default();
        let patience = Duration::from_secs(3);
        let can_renew_token = true;
        let options =
            LinkOptions { wire, heartbeat, backoff, patience, attempts_max, can_renew_token };
        Self { link: Link::new(options, 7), now: Duration::ZERO }
    }

    fn subscribe(&mut self, channels: &[&str], since: Since) -> MemberId {
        self.link.subscribe(channels.iter().map(|&channel| channel.to_owned()), since, false)
    }

    fn actions(&mut self) -> Vec<Action> {
        self.link.handle_time(self.now);
        std::iter::from_fn(|| self.link.poll_action(self.now)).collect()
    }

    /// The one thing to do, which is to open a connection.
    fn opening(&mut self) -> Opening {
        match self.actions().as_slice() {
            [Action::Open(opening)] => opening.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn page(&mut self) -> PageRequest {
        match self.actions().as_slice() {
            [Action::Page(page)] => page.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn receive(&mut self, item: Item) {
        self.link.handle_item(item, self.now);
    }

    fn fail(&mut self, failure: Failure) {
        self.link.handle_failure(failure, self.now);
    }

    /// What somebody is given: offsets of messages, and losses up to negative ones.
    fn given(&mut self, id: MemberId) -> Vec<i64> {
        let mut given = Vec::new();
        while let Some(step) = self.link.take(id) {
            match step {
                Step::Progress { delivery: Some(Delivery::Message(message)), .. } => {
                    given.push(i64::try_from(message.position.offset).unwrap());
                }
                Step::Progress { delivery: Some(Delivery::Gap(gap)), .. } => {
                    given.push(-i64::try_from(gap.to.offset).unwrap());
                }
                Step::Progress { .. } => {}
                Step::End(error) => panic!("{error:?}"),
            }
        }
        given
    }

    fn end(&mut self, id: MemberId) -> Option<SubscribeError> {
        loop {
            match self.link.take(id).expect("it has not ended") {
                Step::End(error) => return error,
                Step::Progress { .. } => {}
            }
        }
    }
}

/// A link whose connection has begun at 5 with a follower of `chat.*`.
fn live(wire: Wire) -> (World, MemberId) {
    let mut world = World::new(wire);
    let chat = world.subscribe(&["chat.*"], Since::Now);
    assert_eq!(world.opening().since, Since::Now);
    world.receive(Item::Position(at(5).into()));
    assert!(world.given(chat).is_empty());
    (world, chat)
}

#[test]
fn subscriptions_share_one_connection_and_each_is_given_its_own() {
    let mut world = World::new(Wire::Auto);
    let chat = world.subscribe(&["chat.*"], Since::Now);
    let all = world.subscribe(&[">", "chat.*"], Since::Now);
    let opening = world.opening();
    assert_eq!((opening.kind, opening.since), (Kind::WebSocket, Since::Now));
    assert_eq!(opening.channels, [">", "chat.*"]);
    assert_eq!(world.link.state(), State::Connecting);
    world.receive(Item::Head(at(5)));
    world.receive(Item::Position(at(5).into()));
    assert_eq!(world.link.state(), State::Live(Wire::WebSocket));
    world.receive(Item::Message(message("chat.a", 6)));
    world.receive(Item::Message(message("news", 7)));
    assert_eq!((world.given(chat), world.given(all)), (vec![6], vec![6, 7]));
}

#[test]
fn news_of_more_channels_begins_on_the_open_websocket() {
    let (mut world, chat) = live(Wire::Auto);
    let news = world.subscribe(&["news"], Since::Now);
    let sent = r#"{"type":"subscribe","id":1,"channel":"news","since":"now"}"#.to_owned();
    assert_eq!(world.actions(), [Action::Send(sent)]);
    // What another subscription brings before that is not for it.
    world.receive(Item::Message(message("chat.a", 6)));
    world.receive(Item::Subscribed { id: 1, channel: "news".into(), position: at(8) });
    world.receive(Item::Message(message("news", 9)));
    assert_eq!((world.given(chat), world.given(news)), (vec![6], vec![9]));
    world.link.unsubscribe(news);
    let sent = r#"{"type":"unsubscribe","id":2,"channel":"news"}"#.to_owned();
    assert_eq!(world.actions(), [Action::Send(sent)]);
    world.link.unsubscribe(chat);
    assert_eq!(world.actions(), [Action::Close]);
}

#[test]
fn a_subscription_from_the_past_reads_pages_and_joins_without_loss() {
    let (mut world, chat) = live(Wire::WebSocket);
    world.receive(Item::Message(message("chat.a", 6)));
    // The server would pass over what `chat.*` was given on this connection.
    let all = world.subscribe(&[">"], Since::Earliest);
    let actions = world.actions();
    assert!(matches!(&actions[0], Action::Send(text) if text.contains(r#""since":"now""#)));
    assert!(matches!(&actions[1], Action::Page(page) if page.since == Since::Earliest));
    world.receive(Item::Subscribed { id: 1, channel: ">".into(), position: at(7) });
    assert_eq!(world.link.state(), State::CatchingUp { behind: None });
    world.receive(Item::Message(message("chat.a", 8)));
    let first = page(vec![message("news", 3), message("chat.a", 6)], 6);
    world.link.handle_page(all, Ok(first), world.now);
    assert_eq!(world.page().since, Since::after(at(6)));
    world.link.handle_page(all, Ok(page(vec![message("news", 7)], 7)), world.now);
    world.receive(Item::Message(message("chat.a", 9)));
    assert_eq!(world.given(all), [3, 6, 7, 8, 9]);
    assert_eq!(world.given(chat), [6, 8, 9]);
    assert_eq!(world.link.state(), State::Live(Wire::WebSocket));
}

#[test]
fn a_wire_whose_request_is_fixed_is_asked_again_from_where_it_is() {
    let (mut world, chat) = live(Wire::Sse);
    world.receive(Item::Message(message("chat.a", 6)));
    let news = world.subscribe(&["news"], Since::Now);
    let actions = world.actions();
    let [Action::Open(opening)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!((opening.channels.len(), opening.since), (2, Since::after(at(6))));
    world.receive(Item::Position(at(6).into()));
    // It has come after 7, and asks by itself where the head is.
    assert_eq!(world.page().since, Since::Now);
    world.receive(Item::Message(message("news", 7)));
    world.link.handle_page(news, Ok(page(Vec::new(), 8)), world.now);
    world.receive(Item::Message(message("news", 9)));
    assert_eq!((world.given(chat), world.given(news)), (vec![6], vec![9]));
}

#[test]
fn after_a_cut_it_goes_on_where_everybody_was() {
    let (mut world, chat) = live(Wire::Auto);
    world.receive(Item::Message(message("chat.a", 6)));
    world.receive(Item::Position(at(9).into()));
    world.fail(Failure::Cut("in a test".into()));
    assert!(matches!(world.link.state(), State::Waiting { outage, .. } if outage.was_connected));
    assert_eq!(world.actions(), []);
    world.now = world.link.deadline().unwrap();
    assert!(world.now <= ms(250));
    assert_eq!(world.opening().since, Since::after(at(9)));
    world.receive(Item::Head(at(12)));
    assert_eq!(world.link.state(), State::CatchingUp { behind: None });
    world.receive(Item::Position(at(9).into()));
    assert_eq!(world.link.state(), State::CatchingUp { behind: Some(3) });
    world.receive(Item::Message(message("chat.a", 12)));
    assert_eq!(world.link.state(), State::Live(Wire::WebSocket));
    assert_eq!(world.given(chat), [6, 12]);
}

#[test]
fn a_silent_wire_is_left_within_three_seconds_and_avoided_for_a_while() {
    let mut world = World::new(Wire::Auto);
    let _chat = world.subscribe(&["chat.*"], Since::Now);
    assert_eq!(world.opening().kind, Kind::WebSocket);
    assert_eq!(world.link.deadline(), Some(ms(3_000)));
    world.now = ms(3_000);
    let actions = world.actions();
    let [Action::Close, Action::Open(opening)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(opening.kind, Kind::Sse);
    // It passes the first bytes and holds back what follows.
    world.receive(Item::Position(at(5).into()));
    assert_eq!(world.link.deadline(), Some(ms(53_000)));
    world.now = ms(53_000);
    assert_eq!(world.actions(), [Action::Close]);
    world.now = world.link.deadline().unwrap();
    assert_eq!(world.opening().kind, Kind::Poll);
}

#[test]
fn a_link_that_dies_later_is_opened_again_on_the_same_wire() {
    let (mut world, _) = live(Wire::Auto);
    world.now = ms(20_000);
    world.receive(Item::Heartbeat(Duration::from_secs(20)));
    assert_eq!(world.link.deadline(), Some(ms(70_000)));
    world.now = ms(70_000);
    assert_eq!(world.actions(), [Action::Close]);
    assert!(!matches!(world.link.state(), State::Live(_)));
    world.now = world.link.deadline().unwrap();
    assert_eq!(world.opening().kind, Kind::WebSocket);
}

#[test]
fn a_slow_subscriber_holds_up_no_other_and_loses_nothing() {
    let (mut world, slow) = live(Wire::WebSocket);
    let fast = world.subscribe(&["chat.a"], Since::Now);
    world.actions();
    world.receive(Item::Subscribed { id: 1, channel: "chat.a".into(), position: at(5) });
    let mut given = Vec::new();
    for offset in 6..3_000 {
        world.receive(Item::Message(message("chat.a", offset)));
        given.extend(world.given(fast));
    }
    assert!(given.into_iter().eq(6..3_000));
    assert!(world.link.wants_input());
    assert_eq!(world.actions(), []);
    let mut first = world.given(slow);
    assert!(first.len() < 1_500);
    let since = at(u64::try_from(*first.last().unwrap()).unwrap());
    assert_eq!(world.page().since, Since::after(since));
    let missed = (since.offset + 1..3_000).map(|offset| message("chat.a", offset)).collect();
    world.link.handle_page(slow, Ok(page(missed, 2_999)), world.now);
    first.extend(world.given(slow));
    world.receive(Item::Message(message("chat.a", 3_000)));
    first.extend(world.given(slow));
    assert!(first.into_iter().eq(6..=3_000));
}

#[test]
fn a_connection_whose_subscribers_are_all_slow_is_not_read_and_not_taken_for_dead() {
    let (mut world, slow) = live(Wire::WebSocket);
    for offset in 6..300 {
        world.receive(Item::Message(message("chat.a", offset)));
    }
    assert!(!world.link.wants_input());
    world.now = ms(900_000);
    assert_eq!((world.actions(), world.link.deadline()), (vec![], None));
    world.given(slow);
    assert_eq!(world.actions(), []);
    assert_eq!(world.link.deadline(), Some(ms(950_000)));
}

#[test]
fn of_several_subscriptions_only_the_one_that_may_not_be_ends() {
    let mut world = World::new(Wire::Sse);
    let chat = world.subscribe(&["chat.*"], Since::Now);
    let secret = world.subscribe(&["secret"], Since::Now);
    world.opening();
    world.fail(Failure::Refused(problem("forbidden")));
    let pages = world.actions();
    assert_eq!(pages.len(), 2);
    world.link.handle_page(chat, Ok(page(Vec::new(), 5)), world.now);
    world.link.handle_page(secret, Err(Failure::Refused(problem("forbidden"))), world.now);
    assert!(matches!(world.end(secret), Some(SubscribeError::Refused(_))));
    let opening = world.opening();
    assert_eq!((opening.channels, opening.since), (vec!["chat.*".to_owned()], Since::after(at(5))));
    world.receive(Item::Message(message("chat.a", 6)));
    assert_eq!(world.given(chat), [6]);
}

#[test]
fn a_loss_is_said_to_those_whose_it_is() {
    let (mut world, chat) = live(Wire::WebSocket);
    let news = world.subscribe(&["news"], Since::Now);
    world.actions();
    world.receive(Item::Subscribed { id: 1, channel: "news".into(), position: at(5) });
    world.receive(Item::Gap(Gap { channel: "chat.*".into(), from: "1-5".into(), to: at(9) }));
    assert_eq!((world.given(chat), world.given(news)), (vec![-9], vec![]));
}

#[test]
fn positions_of_two_epochs_are_not_mixed() {
    let mut world = World::new(Wire::Sse);
    let old = Position { epoch: 9, offset: 50 };
    let [one, other] = [at(5), old].map(|at| world.subscribe(&["chat.*"], Since::after(at)));
    assert_eq!(world.opening().since, Since::after(at(5)));
    world.receive(Item::Position(at(5).into()));
    assert_eq!(world.page().since, Since::after(old));
    let lost = Gap { channel: "chat.*".into(), from: old.to_string(), to: at(6) };
    let answer = PollAnswer { gaps: vec![lost], ..page(Vec::new(), 6) };
    world.link.handle_page(other, Ok(answer), world.now);
    world.receive(Item::Message(message("chat.a", 7)));
    assert_eq!((world.given(one), world.given(other)), (vec![7], vec![-6, 7]));
}

#[test]
fn a_publish_goes_over_the_open_websocket_and_its_answer_comes_back() {
    let (mut world, _) = live(Wire::WebSocket);
    let publish = |world: &mut World| {
        world.link.publish(Publish { channel: "chat.a".into(), ..Publish::default() })
    };
    let ids = [publish(&mut world).unwrap(), publish(&mut world).unwrap()];
    let sent = r#"{"type":"publish","id":1,"channel":"chat.a"}"#.to_owned();
    assert_eq!(world.actions()[0], Action::Send(sent));
    world.receive(Item::Published(ids[0], at(6)));
    assert_eq!(world.link.poll_outcome(), Some((ids[0], PublishOutcome::Published(at(6)))));
    world.fail(Failure::Cut("in a test".into()));
    assert_eq!(world.link.poll_outcome(), Some((ids[1], PublishOutcome::Lost)));
    assert_eq!(publish(&mut world), None);
}

#[test]
fn the_wait_that_a_server_gives_is_kept_and_spread() {
    let waits: Vec<u128> = (0..100)
        .map(|seed| {
            let (mut world, _) = live(Wire::Auto);
            world.link.rng = Rng::with_seed(seed);
            world.receive(Item::Goodbye { position: None, retry: Some(Duration::from_secs(2)) });
            world.fail(Failure::Cut("the server has gone".into()));
            world.link.deadline().unwrap().as_millis()
        })
        .collect();
    let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(*least >= 2_000, "{waits:?}");
    assert!(most - least >= 100, "a crowd comes back at once: {waits:?}");
}

#[test]
fn a_fresh_token_gets_one_attempt() {
    let (mut world, chat) = live(Wire::WebSocket);
    let expired = || {
        let json = r#"{"code":"expired","message":"it has expired"}"#;
        Failure::of_error(serde_json::from_str::<ErrorEvent>(json).unwrap())
    };
    world.fail(expired());
    assert_eq!(world.actions(), [Action::ForgetToken]);
    world.now = world.link.deadline().unwrap();
    world.opening();
    world.fail(expired());
    assert!(matches!(world.end(chat), Some(SubscribeError::Refused(_))));
    assert!(matches!(world.link.state(), State::Refused(_)));
}

#[test]
fn after_a_refusal_those_that_were_live_ask_for_themselves_and_go_on() {
    let (mut world, chat) = live(Wire::WebSocket);
    let news = world.subscribe(&["news"], Since::Now);
    world.actions();
    world.receive(Item::Subscribed { id: 1, channel: "news".into(), position: at(5) });
    world.fail(Failure::Refused(problem("forbidden")));
    assert_eq!(world.actions().len(), 2);
    world.link.handle_page(news, Err(Failure::Refused(problem("forbidden"))), world.now);
    world.link.handle_page(chat, Ok(page(vec![message("chat.a", 6)], 7)), world.now);
    assert!(matches!(world.end(news), Some(SubscribeError::Refused(_))));
    assert_eq!(world.opening().since, Since::after(at(7)));
    assert_eq!(world.given(chat), [6]);
}

#[test]
fn a_proxy_that_refuses_later_is_waited_for() {
    let foreign = || Failure::Unsuitable { cause: "403".into(), problem: Some(problem("")) };
    let (mut world, _) = live(Wire::WebSocket);
    world.fail(foreign());
    assert!(matches!(world.link.state(), State::Waiting { .. }));

    let mut world = World::new(Wire::WebSocket);
    let chat = world.subscribe(&["chat.*"], Since::Now);
    world.opening();
    world.fail(foreign());
    assert!(matches!(world.end(chat), Some(SubscribeError::Refused(_))));
}
