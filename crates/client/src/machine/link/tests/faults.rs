//! Sequences in which a link once did something wrong.

use super::*;

fn publish(world: &mut World) -> u64 {
    world.link.publish(Publish { channel: "chat.a".into(), ..Publish::default() }).unwrap()
}

#[test]
fn a_paused_connection_is_read_while_somebody_waits_for_an_answer() {
    let (mut world, chat) = live(Wire::WebSocket);
    for offset in 6..300 {
        world.receive(Item::Message(message("chat.a", offset)));
    }
    assert!(!world.link.wants_input());
    let id = publish(&mut world);
    assert!(world.link.wants_input());
    world.receive(Item::Published(id, at(300)));
    assert!(!world.link.wants_input());
    let news = world.subscribe(&["news"], Since::Now);
    assert!(world.link.wants_input());
    assert!(matches!(world.actions().as_slice(), [Action::Send(_), Action::Send(_)]));
    world.receive(Item::Subscribed { id: id + 1, channel: "news".into(), position: at(300) });
    world.receive(Item::Message(message("news", 301)));
    assert_eq!(world.given(news), [301]);
    world.link.unsubscribe(news);
    // What is brought meanwhile does not pile up: the slow one reads the rest in pages.
    publish(&mut world);
    for offset in 302..3_000 {
        world.receive(Item::Message(message("chat.a", offset)));
    }
    assert!(world.given(chat).len() < 1_500);
}

#[test]
fn a_task_that_takes_over_opens_a_connection_and_asks_for_the_pages_again() {
    let (mut world, chat) = live(Wire::WebSocket);
    let all = world.subscribe(&[">"], Since::Earliest);
    assert!(matches!(world.actions().as_slice(), [Action::Send(_), Action::Page(_)]));
    let id = publish(&mut world);
    world.link.handle_abandonment();
    assert!(!world.link.has_connection());
    assert_eq!(world.link.poll_outcome(), Some((id, PublishOutcome::Lost)));
    assert_eq!(world.opening().since, Since::after(at(5)));
    world.receive(Item::Position(at(5).into()));
    assert_eq!(world.page().member, all);
    world.receive(Item::Message(message("chat.a", 6)));
    assert_eq!(world.given(chat), [6]);
}

#[test]
fn a_wire_that_is_answered_502_is_left_and_a_server_that_is_down_is_waited_for() {
    let down = |retry_after| Failure::Down { cause: "502".into(), retry_after };
    let mut world = World::new(Wire::Auto);
    let _chat = world.subscribe(&["chat.*"], Since::Now);
    for kinds in [&[Kind::WebSocket][..], &[Kind::WebSocket, Kind::Sse, Kind::Poll]] {
        for kind in kinds {
            assert_eq!(world.opening().kind, *kind);
            world.fail(down(None));
        }
        assert_eq!(world.actions(), []);
        world.now = world.link.deadline().unwrap();
    }
    // The best is tried first again. Where the server says when to come back, nothing else is tried.
    for _ in 0..2 {
        assert_eq!(world.opening().kind, Kind::WebSocket);
        world.fail(down(Some(Duration::from_secs(1))));
        assert_eq!(world.actions(), []);
        world.now = world.link.deadline().unwrap();
    }
}

#[test]
fn what_is_cut_while_it_reads_pages_has_not_joined_before_it_has_them_all() {
    let mut world = World::new(Wire::WebSocket);
    let map = world.link.subscribe(["prices".to_owned()], Since::Earliest, true);
    world.opening();
    world.receive(Item::Head(at(100)));
    world.receive(Item::Position(at(100).into()));
    assert_eq!(world.page().since, Since::Earliest);
    world.link.handle_page(map, Ok(page(vec![message("prices", 5)], 5)), world.now);
    world.fail(Failure::Cut("in a test".into()));
    world.actions();
    world.now = world.link.deadline().unwrap();
    let actions = world.actions();
    let [Action::Open(opening)] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(opening.since, Since::Now);
    world.receive(Item::Head(at(100)));
    world.receive(Item::Position(at(100).into()));
    assert!(!has_joined(&mut world, map));
    assert_eq!(world.page().since, Since::after(at(5)));
    world.link.handle_page(map, Ok(page(vec![message("prices", 80)], 100)), world.now);
    assert!(has_joined(&mut world, map));
}

#[test]
fn pages_go_up_to_the_head_also_where_the_connection_begins_earlier() {
    let mut world = World::new(Wire::WebSocket);
    let _chat = world.subscribe(&["chat.*"], Since::after(at(3)));
    let map = world.link.subscribe(["prices".to_owned()], Since::Earliest, true);
    assert_eq!(world.opening().since, Since::after(at(3)));
    world.receive(Item::Head(at(100)));
    world.receive(Item::Position(at(3).into()));
    world.page();
    world.link.handle_page(map, Ok(page(vec![message("prices", 5)], 5)), world.now);
    assert!(!has_joined(&mut world, map));
    world.page();
    world.receive(Item::Message(message("prices", 80)));
    world.link.handle_page(map, Ok(page(vec![message("prices", 80)], 101)), world.now);
    assert!(has_joined(&mut world, map));
}

#[test]
fn a_page_of_an_earlier_connection_says_where_a_subscription_begins() {
    let mut world = World::new(Wire::WebSocket);
    let _news = world.subscribe(&["news"], Since::Now);
    world.opening();
    let chat = world.subscribe(&["chat.*"], Since::Now);
    world.receive(Item::Heartbeat(Duration::from_secs(20)));
    assert!(matches!(world.actions().as_slice(), [Action::Send(_), Action::Page(_)]));
    world.fail(Failure::Cut("in a test".into()));
    world.now = world.link.deadline().unwrap();
    assert_eq!(world.opening().since, Since::Now);
    // It was at 8, which its subscriber has. The connection begins at 12.
    world.link.handle_page(chat, Ok(page(Vec::new(), 8)), world.now);
    world.receive(Item::Position(at(12).into()));
    world.now += ms(100);
    assert_eq!(world.page().since, Since::after(at(8)));
    world.receive(Item::Message(message("chat.a", 13)));
    world.link.handle_page(chat, Ok(page(vec![message("chat.a", 10)], 12)), world.now);
    assert_eq!(world.given(chat), [10, 13]);
}

#[test]
fn a_channel_that_was_asked_for_later_begins_where_its_answer_says() {
    let mut world = World::new(Wire::WebSocket);
    let _chat = world.subscribe(&["chat.*"], Since::after(at(5)));
    world.opening();
    world.receive(Item::Head(at(9)));
    let news = world.subscribe(&["news"], Since::Now);
    world.actions();
    world.receive(Item::Subscribed { id: 1, channel: "news".into(), position: at(9) });
    world.receive(Item::Position(at(5).into()));
    // Its 8 is only in a page.
    let again = world.subscribe(&["news"], Since::after(at(7)));
    world.receive(Item::Alive);
    assert_eq!(world.page().since, Since::after(at(7)));
    world.link.handle_page(again, Ok(page(vec![message("news", 8)], 9)), world.now);
    world.receive(Item::Message(message("news", 10)));
    assert_eq!((world.given(news), world.given(again)), (vec![10], vec![8, 10]));
}

#[test]
fn a_page_without_a_token_is_asked_for_later_and_the_connection_stays() {
    let (mut world, chat) = live(Wire::WebSocket);
    let all = world.subscribe(&[">"], Since::Earliest);
    world.actions();
    let cause = crate::TokenError::unavailable("the source is slow");
    world.link.handle_page(all, Err(Failure::NoToken(cause)), world.now);
    assert_eq!(world.actions(), []);
    world.receive(Item::Message(message("chat.a", 6)));
    assert_eq!(world.given(chat), [6]);
    world.now = world.link.deadline().unwrap();
    world.page();
    // What ends the connection closes its socket, too.
    world.link.handle_page(all, Err(Failure::Finished), world.now);
    assert_eq!(world.actions(), [Action::Close]);
}

#[test]
fn a_refused_publish_says_when_to_try_again() {
    let (mut world, _) = live(Wire::WebSocket);
    let (id, retry) = (publish(&mut world), Some(ms(1_500)));
    world.receive(Item::RequestRefused { id, problem: problem("unavailable"), retry });
    let outcome = world.link.poll_outcome();
    assert_eq!(outcome, Some((id, PublishOutcome::Refused(problem("unavailable"), retry))));
}

#[test]
fn what_is_held_for_a_subscription_that_reads_pages_is_bounded_in_bytes_and_in_gaps() {
    let (mut world, _) = live(Wire::WebSocket);
    let all = world.subscribe(&[">"], Since::Earliest);
    world.actions();
    world.receive(Item::Subscribed { id: 1, channel: ">".into(), position: at(5) });
    let large = |offset| Message {
        data: Some(serde_json::value::to_raw_value(&"x".repeat(1 << 20)).unwrap()),
        ..message("news", offset)
    };
    for offset in 6..16 {
        world.receive(Item::Message(large(offset)));
    }
    // The first ones are only in pages.
    world.link.handle_page(all, Ok(page(Vec::new(), 9)), world.now);
    assert!(!has_joined(&mut world, all));
    for offset in 20..620 {
        let lost = Gap { channel: ">".into(), from: "1-5".into(), to: at(offset) };
        world.receive(Item::Gap(lost));
    }
    world.link.handle_page(all, Ok(page(Vec::new(), 20)), world.now);
    assert!(!has_joined(&mut world, all));
    world.link.handle_page(all, Ok(page(Vec::new(), 620)), world.now);
    assert!(has_joined(&mut world, all));
}

/// Whether the last of its steps says so. Takes them.
fn has_joined(world: &mut World, member: MemberId) -> bool {
    let steps = std::iter::from_fn(|| world.link.take(member));
    matches!(steps.last(), Some(Step::Progress { is_joined: true, .. }))
}
