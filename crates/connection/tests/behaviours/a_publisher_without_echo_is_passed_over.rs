//! `echo: false`: the publish is everybody's but the publisher's, whose place passes it.
#![allow(missing_docs)]

use crate::common::{Server, TIDEWIRE, texts};

const SILENT: &str = r#"{"type":"publish","id":1,"channel":"a","data":"silent","echo":false}"#;
const MESSAGE: &str =
    r#"{"type":"message","channel":"a","position":"10-1","time":5,"data":"silent"}"#;

#[test]
fn a_publisher_without_echo_is_passed_over() {
    let mut server = Server::new();
    let mut publisher = server.open(TIDEWIRE, &[("a", "now")]);
    let mut other = server.open(TIDEWIRE, &[("a", "now")]);
    server.output(&mut publisher);
    server.output(&mut other);
    let answer = server.answer(&mut publisher, SILENT);
    assert_eq!(answer, [r#"{"type":"published","id":1,"position":"10-1"}"#]);
    assert_eq!(texts(&server.output(&mut other)), [MESSAGE]);
    // The place has passed it: what follows is exact from there.
    let subscribe = r#"{"type":"subscribe","id":2,"channel":"b"}"#;
    let answer = server.answer(&mut publisher, subscribe);
    assert_eq!(answer, [r#"{"type":"subscribed","id":2,"channel":"b","position":"10-1"}"#]);
}

#[test]
fn a_client_that_comes_back_has_it_in_its_history() {
    let mut server = Server::new();
    let mut publisher = server.open(TIDEWIRE, &[("a", "now")]);
    server.output(&mut publisher);
    server.answer(&mut publisher, SILENT);
    let mut again = server.open(TIDEWIRE, &[("a", "earliest")]);
    assert_eq!(texts(&server.output(&mut again)).last().map(String::as_str), Some(MESSAGE));
}
