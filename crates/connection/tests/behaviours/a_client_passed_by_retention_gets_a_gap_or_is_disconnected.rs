//! What the option `slow_readers` of a channel decides.
#![allow(clippy::unwrap_used)]

use crate::common::{SSE, Server, TIDEWIRE, show, texts};
use tidewire_broker::{Limits, Options, Retention, Rules, SlowReaders};
use tidewire_connection::{CloseReason, Connection};

fn server(slow_readers: SlowReaders) -> Server {
    let retention = Retention { messages_max: 2, ..Retention::default() };
    let rules = Rules::all(Options { retention, slow_readers, ..Options::default() });
    Server::with(Limits { rules, ..Limits::default() }, Default::default())
}

fn overtake(server: &mut Server, connection: &mut Connection) -> Vec<u8> {
    server.output(connection);
    for text in ["one", "two", "three", "four"] {
        server.text("a", text);
    }
    let mut output = server.output(connection);
    server.wait(connection, 0);
    output.extend(server.output(connection));
    output
}

#[test]
fn it_gets_the_gap_notice_and_goes_on() {
    let mut server = server(SlowReaders::Gap);
    let mut client = server.open(SSE, &[("a", "now")]);
    let output = show(&overtake(&mut server, &mut client));
    assert!(output.contains("event: $gap") && output.contains("data: four"), "{output}");
    assert_eq!(client.close_reason(), None);
}

#[test]
fn it_is_disconnected_with_its_cursor_and_gets_the_gap_when_it_resumes() {
    let mut server = server(SlowReaders::Disconnect);
    let mut client = server.open(SSE, &[("a", "now")]);
    let output = show(&overtake(&mut server, &mut client));
    assert!(!output.contains("data:"), "{output}");
    assert_eq!(client.close_reason(), Some(CloseReason::Overtaken));

    let mut client = server.open(SSE, &[("a", "10-0")]);
    let output = show(&server.output(&mut client));
    assert!(output.contains("event: $gap") && output.contains("data: four"), "{output}");
    server.wait(&mut client, 0);
    assert_eq!(client.close_reason(), None);
}

#[test]
fn what_goes_before_its_first_read_does_not_send_it_away_again() {
    let mut server = server(SlowReaders::Disconnect);
    ["one", "two", "three"].iter().for_each(|text| server.text("a", text));
    let mut client = server.open(SSE, &[("a", "10-1")]);
    server.text("a", "four");
    let output = show(&server.output(&mut client));
    assert!(output.contains("event: $gap") && output.contains("data: four"), "{output}");
    server.wait(&mut client, 0);
    assert_eq!(client.close_reason(), None);
    let output = show(&overtake(&mut server, &mut client));
    assert!(!output.contains("data:"), "{output}");
    assert_eq!(client.close_reason(), Some(CloseReason::Overtaken));
}

#[test]
fn until_it_is_disconnected_it_is_given_nothing_that_came_after_its_loss() {
    let retention = Retention { age_max_ms: 10, ..Retention::default() };
    let slow_readers = SlowReaders::Disconnect;
    let rules = Rules::all(Options { retention, slow_readers, ..Options::default() });
    let mut server = Server::with(Limits { rules, ..Limits::default() }, Default::default());
    let mut client = server.open(SSE, &[("*", "10-0")]);
    server.output(&mut client);
    server.text("a", "lost");
    server.time.wall_ms += 10;
    server.text("b", "left");
    server.worker.broker.sweep(server.time.wall_ms, 10);
    let output = show(&server.output(&mut client));
    assert!(!output.contains("left"), "{output}");
    server.wait(&mut client, 0);
    server.output(&mut client);
    assert_eq!(client.close_reason(), Some(CloseReason::Overtaken));
}

#[test]
fn a_websocket_says_goodbye_first() {
    let mut server = server(SlowReaders::Disconnect);
    let mut client = server.open(TIDEWIRE, &[("a", "now")]);
    let output = overtake(&mut server, &mut client);
    let end = output.windows(4).rposition(|bytes| bytes == [0x88, 51, 0x03, 0xf5]).unwrap();
    let expected = texts(&output[..end]);
    assert_eq!(expected, [r#"{"type":"goodbye","code":1013,"retry_ms":2000}"#]);
    assert_eq!(&output[end + 4..], b"the client reads too slowly; reconnect and resume");
}
