//! An event source over answers that are made up, with time that only passes in a log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use futures_util::{FutureExt as _, StreamExt as _, future, stream};
use sse_codec::source::{
    EventSource, EventSourceError, Interruption, ReconnectPolicy, Refusal, Response, Transport,
    Update,
};
use sse_codec::{Limits, OwnedEvent};
use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

type Piece = Result<&'static str, &'static str>;
type Body = stream::Iter<std::vec::IntoIter<Piece>>;
type Answer = Result<Response<Body>, &'static str>;

/// Gives one answer after the other, and notes what it was asked for.
struct Script {
    answers: VecDeque<Answer>,
    log: Rc<RefCell<Vec<String>>>,
}

impl Transport for Script {
    type Error = &'static str;
    type Bytes = &'static str;
    type Body = Body;
    type Connect = future::Ready<Answer>;
    type Sleep = future::Ready<()>;

    fn connect(&mut self, last_event_id: Option<&str>) -> Self::Connect {
        self.log.borrow_mut().push(format!("connect after {last_event_id:?}"));
        future::ready(self.answers.pop_front().unwrap())
    }

    fn sleep(&mut self, delay: Duration) -> Self::Sleep {
        self.log.borrow_mut().push(format!("wait {delay:?}"));
        future::ready(())
    }

    fn random(&mut self) -> f64 {
        0.0
    }

    fn is_final(&self, error: &&'static str) -> bool {
        *error == "no such scheme"
    }
}

fn events(pieces: &[Piece]) -> Answer {
    let content_type = Some("text/event-stream".to_owned());
    Ok(Response::new(200, content_type, stream::iter(pieces.to_vec())))
}

fn status(status: u16) -> Answer {
    Ok(Response::new(status, None, stream::iter(Vec::new())))
}

/// A source over those answers, and its log.
fn source<const N: usize>(answers: [Answer; N]) -> (EventSource<Script>, Rc<RefCell<Vec<String>>>) {
    let log = Rc::<RefCell<Vec<String>>>::default();
    let script = Script { answers: answers.into(), log: log.clone() };
    (EventSource::new(script), log)
}

fn all<S: stream::Stream>(stream: S) -> Vec<S::Item> {
    stream.collect::<Vec<_>>().now_or_never().unwrap()
}

/// The data of all events, and the error at their end.
fn read(source: EventSource<Script>) -> (Vec<String>, Option<EventSourceError<&'static str>>) {
    let (mut data, mut error) = (Vec::new(), None);
    for event in all(source) {
        assert_eq!(error, None, "nothing comes after an error");
        match event {
            Ok(event) => data.push(event.into_data()),
            Err(found) => error = Some(found),
        }
    }
    (data, error)
}

#[test]
fn it_comes_back_with_the_last_id_and_ends_with_204() {
    let (source, log) = source([
        events(&[Ok("retry: 500\nid: 1\ndata: a\n\nid: 2\n"), Ok("data: b\n\ndata: half")]),
        events(&[Ok("data: c\n\n")]),
        events(&[Ok("id\n\n")]),
        status(204),
    ]);
    assert_eq!(read(source), (["a", "b", "c"].map(String::from).to_vec(), None));
    let wait = "wait 500ms";
    let first = "connect after None";
    let again = "connect after Some(\"2\")";
    assert_eq!(*log.borrow(), [first, wait, again, wait, again, wait, first]);
}

#[test]
fn a_stored_id_is_sent_first_and_is_that_of_events_without_one() {
    let (source, log) = source([events(&[Ok("data: x\n\n")]), status(204)]);
    let read = all(source.with_last_event_id("42"));
    assert_eq!(read.len(), 1);
    let event = read.into_iter().next().unwrap().unwrap();
    assert_eq!((event.id(), event.last_event_id()), (None, "42"));
    assert_eq!(log.borrow()[0], "connect after Some(\"42\")");
    assert_eq!(log.borrow()[2], "connect after Some(\"42\")");
}

#[test]
fn what_becomes_of_its_connections_is_said() {
    let (source, _) = source([
        Err("no route"),
        Err("no route"),
        events(&[Ok(": hi\n\ndata: a\n\n"), Err("reset")]),
        events(&[]),
        status(204),
    ]);
    let seconds =
        |seconds, cause| Update::<&str>::Waiting { delay: Duration::from_secs(seconds), cause };
    let updates: Vec<_> =
        all(source.with_comments().updates()).into_iter().map(Result::unwrap).collect();
    assert_eq!(
        updates,
        [
            seconds(3, Interruption::Transport("no route")),
            seconds(6, Interruption::Transport("no route")),
            Update::Open,
            Update::Comment("hi".to_owned()),
            Update::Event(OwnedEvent::new("", "a", None)),
            seconds(3, Interruption::Transport("reset")),
            Update::Open,
            seconds(3, Interruption::End),
        ]
    );
}

#[test]
fn an_answer_that_is_no_event_stream_ends_it_with_an_error() {
    for (code, refusal) in [(404, Refusal::Status(404)), (200, Refusal::ContentType)] {
        let (source, log) = source([status(code)]);
        let (data, error) = read(source);
        assert_eq!((data.len(), error), (0, Some(EventSourceError::Refused(refusal))));
        assert_eq!(log.borrow().len(), 1, "{refusal}");
    }
}

#[test]
fn a_value_over_its_limit_ends_it_with_an_error() {
    let (source, log) = source([events(&[Ok("data: 12\n\ndata: 123\n\ndata: 1\n\n")])]);
    let (data, error) = read(source.with_limits(Limits::new().data_bytes_max(2)));
    assert_eq!(data, ["12"]);
    assert!(matches!(error, Some(EventSourceError::Limit(error)) if error.bytes_max == 2));
    assert_eq!(log.borrow().len(), 1);
}

#[test]
fn it_gives_up_after_as_many_failures_as_the_policy_allows() {
    let script = |answers: [Answer; 3]| Script { answers: answers.into(), log: Rc::default() };
    let policy = ReconnectPolicy::new().failures_max(2).retries_unavailable(true);
    let source = EventSource::with_policy(script([status(503), Err("a"), Err("b")]), policy);
    assert_eq!(read(source).1, Some(EventSourceError::Transport("b")));
    let source = EventSource::with_policy(script([Err("a"), Err("b"), status(503)]), policy);
    let refused = EventSourceError::Refused(Refusal::Status(503));
    assert_eq!(read(source).1, Some(refused));
}

#[test]
fn it_ends_with_an_error_that_does_not_pass() {
    let (source, log) = source([Err("no route"), Err("no such scheme")]);
    let (data, error) = read(source);
    assert_eq!((data.len(), error), (0, Some(EventSourceError::Transport("no such scheme"))));
    assert_eq!(log.borrow().len(), 3);
}

#[test]
fn an_error_names_its_cause() {
    let error: EventSourceError<std::fmt::Error> = EventSourceError::Refused(Refusal::Status(404));
    assert_eq!(error.to_string(), "the server does not offer the event stream");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the server answered 404 where 200 begins an event stream");
}
