//! A connection that can be renewed from outside sends its client the name for that before anything else, where it does not
//! pass for a payload.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{ALL, JSON, SSE, SSE_EVENT, SSE_JSON, STREAM, Server, show};
use tidewire_connection::Wire;

const JSON_NAME: &str = r#"{"type":"connection","id":"c2VjcmV0"}"#;

fn opening_of(wire: Wire, renewal_id: Option<&str>) -> String {
    let mut server = Server::new();
    let mut connection = server.open_renewable(wire, renewal_id, &[("a", "now")]);
    show(&server.output(&mut connection))
}

#[test]
fn the_name_comes_first_and_is_no_message() {
    for (wire, first) in [
        (SSE, format!("40\r\nevent: $connection\ndata: {JSON_NAME}\n\n\r\n")),
        (SSE_JSON, format!("40\r\nevent: $connection\ndata: {JSON_NAME}\n\n\r\n")),
        (SSE_EVENT, format!("40\r\nevent: $connection\ndata: {JSON_NAME}\n\n\r\n")),
        (STREAM, format!("26\r\n{JSON_NAME}\n\r\n")),
        (JSON, format!("\u{FFFD}%{JSON_NAME}")),
    ] {
        let (plain, named) = (opening_of(wire, None), opening_of(wire, Some("c2VjcmV0")));
        let rest = named.strip_prefix(&first);
        assert_eq!(rest, Some(&*plain), "{wire:?}: {named:?}");
    }
}

#[test]
fn a_wire_of_payloads_alone_and_one_with_commands_say_nothing() {
    for wire in ALL {
        let named = opening_of(wire, Some("c2VjcmV0"));
        assert_eq!(
            named.contains("c2VjcmV0"),
            [SSE, SSE_JSON, STREAM, JSON].contains(&wire),
            "{wire:?}: {named}"
        );
    }
}
