//! While an archive fetches what one request or connection needs, nothing else waits, and nothing is lost.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use crate::{
    common::{SSE, Server, TIDEWIRE, follow, may_look_back, may_read, show, texts},
    held_back::HeldBack,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Wake, Waker},
};
use tidewire_broker::Grant;
use tidewire_connection::{
    Finding, Format, LongPoll, Page, PageReading, PageRequest, RequestedStart, Span, Subscription,
};

#[derive(Default)]
struct WakeCount(AtomicUsize);

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn json(page: &Page, server: &Server) -> String {
    let mut json = Vec::new();
    page.write_json(Format::Json, &server.worker.broker, &mut json);
    show(&json)
}

#[test]
fn a_connection_waits_and_then_goes_on_in_order() {
    let (archive, broker) = HeldBack::broker(36);
    let mut server = Server::over(broker);
    let mut connection = server.open(SSE, &[("cold", "10-0")]);
    assert!(!show(&server.output(&mut connection)).contains("data:"));
    server.text("cold", "new");
    let asked = archive.asked();
    // Not before what is older, and nothing is asked a second time.
    assert!(!show(&server.output(&mut connection)).contains("data:"));
    assert_eq!(archive.asked(), asked);
    archive.open();
    let received = show(&server.output(&mut connection));
    let data: Vec<&str> = received.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data, ["old 1", "old 2", "old 3", "new"]);
}

#[test]
fn requests_of_a_websocket_wait_in_order_while_its_channels_go_on() {
    let (archive, broker) = HeldBack::broker(36);
    let mut server = Server::over(broker);
    let mut connection = server.open(TIDEWIRE, &[("live", "now")]);
    server.output(&mut connection);
    let history = r#"{"type":"history","id":1,"channel":"cold"}"#;
    let subscribe = r#"{"type":"subscribe","id":2,"channel":"cold","since":"@2"}"#;
    server.ask(&mut connection, history);
    server.ask(&mut connection, subscribe);
    assert_eq!(texts(&server.output(&mut connection)), Vec::<String>::new());
    server.text("live", "meanwhile");
    let received = texts(&server.output(&mut connection));
    assert!(received.len() == 1 && received[0].contains("meanwhile"), "{received:?}");
    archive.open();
    let mut received = Vec::new();
    for _ in 0..4 {
        server.wait(&mut connection, 0);
        received.extend(texts(&server.output(&mut connection)));
    }
    assert!(received[0].contains(r#""type":"history","id":1"#), "{received:?}");
    assert!(received[0].contains("old 1") && received[0].contains("old 3"), "{received:?}");
    assert!(received[1].contains(r#""type":"subscribed","id":2"#), "{received:?}");
    assert!(received[2].contains("old 2") && received[3].contains("old 3"), "{received:?}");
}

#[test]
fn pages_from_either_end_are_read_once_they_can_be() {
    for span in [Span::parse(None, None, None), Span::parse(Some("@2"), Some("now"), None)] {
        let (archive, broker) = HeldBack::broker(36);
        let server = Server::over(broker);
        let (broker, limits) = (&server.worker.broker, &server.worker.limits);
        let permit = may_read("cold");
        let request =
            PageRequest { permit, history: may_look_back(), span: span.unwrap(), limit: None };
        let wakes = Arc::new(WakeCount::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut reading = PageReading::new(request.clone(), broker, limits, server.time);
        assert!(reading.poll(broker, limits, &waker).is_pending());
        assert_eq!((archive.waiting() > 0, wakes.0.load(Ordering::SeqCst)), (true, 0));
        archive.open();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        let Poll::Ready(page) = reading.poll(broker, limits, &waker) else {
            panic!("it waits though all is there")
        };
        let whole = Page::read(request, broker, limits, server.time);
        assert_eq!(json(&page, &server), json(&whole, &server));
        assert!(json(&page, &server).contains("old 3"));
    }
}

#[test]
fn a_poll_and_its_beginning_wait_and_one_that_goes_is_forgotten() {
    let (archive, broker) = HeldBack::broker(36);
    let mut server = Server::over(broker);
    let (mut finding, waker) = (Finding::new(server.time), Waker::noop());
    let mut subscriptions = [follow("cold", "@2")];
    let mut find = |server: &Server| {
        let (broker, grant) = (&server.worker.broker, Grant::open());
        Subscription::find(&mut subscriptions, &grant, broker, &mut finding, waker)
    };
    assert!(find(&server).is_pending() && find(&server).is_pending());
    assert_eq!(archive.asked(), 1);
    let mut gone = server.poll("cold", "10-0", 0);
    assert!(gone.poll_answer(&mut server.worker, server.time, waker).is_none());
    assert_eq!(archive.waiting(), 2);
    gone.leave(&mut server.worker);
    assert_eq!(archive.waiting(), 1);
    archive.open();
    assert!(find(&server).is_ready());
    assert!(matches!(subscriptions[0].start, RequestedStart::Found(..)));
    let (worker, time) = (&mut server.worker, server.time);
    let mut poll = LongPoll::open(&subscriptions, &Grant::open(), 0, worker, time).unwrap();
    let page = poll.poll_answer(&mut server.worker, server.time, waker).unwrap().unwrap();
    let answer = json(&page, &server);
    assert!(!answer.contains("old 1") && answer.contains("old 2"), "{answer}");
}
