//! A connection may follow a limited number of patterns: one more is refused, and one less makes room.
#![allow(missing_docs)]

use crate::common::{Server, TIDEWIRE};
use tidewire_connection::Limits;

#[test]
fn subscriptions_have_a_limit() {
    let limits = Limits { subscriptions_max: 2, ..Limits::default() };
    let mut server = Server::with(tidewire_broker::Limits::default(), limits);
    let mut connection = server.open(TIDEWIRE, &[("a", "now"), ("b", "now")]);
    server.output(&mut connection);
    let third = r#"{"type":"subscribe","id":1,"channel":"c"}"#;
    let refused = server.answer(&mut connection, third);
    assert!(refused[0].starts_with(r#"{"type":"error","id":1,"code":"too_many_subscriptions""#));
    server.answer(&mut connection, r#"{"type":"unsubscribe","id":2,"channel":"a"}"#);
    let taken = server.answer(&mut connection, third);
    assert!(taken[0].starts_with(r#"{"type":"subscribed","id":1"#));
}
