//! `Connection`: the rules above the frames, on bytes alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use allocation_counter::measure;
use bytes::Bytes;
use ws_frame::{
    Close, CloseCode, Connection, Limits, Message, OwnedClose, OwnedEvent, ProtocolError, SendError,
};

fn server() -> Connection {
    Connection::server(Limits::default())
}

fn client() -> Connection {
    let mut key = 0_u32;
    Connection::client(Limits::default(), move || {
        key = key.wrapping_add(0x9E37_79B9);
        key.to_be_bytes()
    })
}

/// All events of `wire`, which arrives in pieces.
fn receive(connection: &mut Connection, wire: &[u8], piece_bytes: usize) -> Vec<OwnedEvent> {
    let mut events = Vec::new();
    for piece in wire.chunks(piece_bytes) {
        connection.room().extend_from_slice(piece);
        while let Some(event) = connection.next_event().unwrap() {
            events.push(event);
        }
    }
    events
}

#[test]
fn messages_of_every_size_arrive_whatever_the_cuts() {
    let mut messages: Vec<Message> = vec!["".into(), "příliš 🐎".into(), (&b"\xFF\0"[..]).into()];
    messages.extend([125, 126, 70_000].map(|bytes| vec![b'a'; bytes].into()));
    let sides: [(Connection, fn() -> Connection); 2] = [(client(), server), (server(), client)];
    for (mut from, to) in sides {
        for message in &messages {
            from.send(message).unwrap();
        }
        let wire = from.output().to_vec();
        for piece_bytes in [1, 2, 3, 7, 129, 1_400, 65_536, wire.len()] {
            let events = receive(&mut to(), &wire, piece_bytes);
            let expected: Vec<OwnedEvent> = messages.iter().cloned().map(Into::into).collect();
            assert!(events == expected, "pieces of {piece_bytes} bytes");
        }
    }
}

#[test]
fn fragments_are_joined_around_control_frames_at_any_place() {
    let wire = b"\x01\x03caf\x89\x01?\x00\x01\xc3\x8a\x00\x00\x00\x89\x00\x80\x01\xa9\x82\x01x";
    let expected = [
        OwnedEvent::Ping(Bytes::from_static(b"?")),
        OwnedEvent::Pong(Bytes::new()),
        OwnedEvent::Ping(Bytes::new()),
        "café".into(),
        (&b"x"[..]).into(),
    ];
    for piece_bytes in 1..=wire.len() {
        let mut connection = client();
        assert_eq!(receive(&mut connection, wire, piece_bytes), expected, "{piece_bytes}");
        // Two masked pongs answer the two pings.
        assert_eq!(connection.output().len(), 7 + 6);
    }
}

#[test]
fn a_close_is_answered_with_the_same_code_and_nothing_follows() {
    let mut connection = server();
    let wire = b"\x88\x85\0\0\0\0\x03\xe9bye\x89\x80\0\0\0\0";
    let events = receive(&mut connection, wire, wire.len());
    let close = OwnedClose { code: CloseCode::GOING_AWAY, reason: "bye".into() };
    assert_eq!(events, [OwnedEvent::Close(Some(close))]);
    assert_eq!(connection.output(), b"\x88\x05\x03\xe9bye");
    assert!(connection.is_closed());
    assert_eq!(connection.send(&"late".into()), Err(SendError::Closed));
    assert_eq!(connection.ping(b""), Err(SendError::Closed));
    connection.close(None).unwrap();
    connection.handle_written(7);
    assert_eq!(connection.output(), b"");
}

#[test]
fn messages_arrive_until_the_peer_has_closed_too() {
    let mut connection = server();
    connection.close(Some(Close { code: CloseCode::NORMAL, reason: "" })).unwrap();
    assert_eq!(connection.output(), b"\x88\x02\x03\xe8");
    // A ping is not answered any more.
    let events = receive(&mut connection, b"\x81\x81\0\0\0\0a\x89\x80\0\0\0\0\x88\x80\0\0\0\0", 1);
    let expected = ["a".into(), OwnedEvent::Ping(Bytes::new()), OwnedEvent::Close(None)];
    assert_eq!(events, expected);
    assert_eq!(connection.output(), b"\x88\x02\x03\xe8");
    assert!(connection.is_closed());
}

#[test]
fn an_error_is_answered_with_its_code_once() {
    for (wire, error, code) in [
        (&b"\x81\x82\0\0\0\0\xc3\x28"[..], ProtocolError::TextNotUtf8, b"\x03\xef"),
        (b"\x83", ProtocolError::UnknownOpcode(3), b"\x03\xea"),
        (b"\x82\xff\0\0\0\0\x01\0\0\x01\0\0\0\0", ProtocolError::MessageTooLong, b"\x03\xf1"),
    ] {
        let mut connection = server();
        connection.room().extend_from_slice(wire);
        assert_eq!(connection.next_event(), Err(error));
        assert_eq!(connection.next_event(), Ok(None));
        assert!(connection.is_closed());
        assert_eq!(connection.output(), [&b"\x88\x02"[..], code].concat());
    }
}

#[test]
fn text_that_is_wrong_is_refused_before_the_message_is_whole() {
    let mut connection = client();
    connection.room().extend_from_slice(b"\x81\x05a\xff");
    assert_eq!(connection.next_event(), Err(ProtocolError::TextNotUtf8));
}

/// Sharing the buffer takes one allocation for the count of owners, once a buffer.
#[test]
fn a_message_shares_the_buffer_it_arrived_in() {
    let mut from = client();
    (0..100).for_each(|_| from.send(&"a message of some length".into()).unwrap());
    from.send(&vec![7; 100_000].into()).unwrap();
    let wire = from.output().to_vec();
    let mut connection = server();
    connection.room().extend_from_slice(&wire);
    let counted = measure(|| {
        let mut received = 0;
        while let Some(event) = connection.next_event().unwrap() {
            assert!(matches!(event, OwnedEvent::Message(_)));
            received += 1;
        }
        assert_eq!(received, 101);
    });
    assert_eq!(counted.count_total, 1);
}

#[cfg(feature = "deflate")]
mod compressed {
    use super::*;
    use ws_frame::deflate::{Agreement, Config, Level};

    fn agreement() -> Agreement {
        Config::default().accept(["permessage-deflate"]).unwrap()
    }

    #[test]
    fn long_messages_go_compressed_both_ways_and_short_ones_as_they_are() {
        let (short, long): (Message, Message) = ("short".into(), "again and ".repeat(20).into());
        let sides: [(Connection, fn() -> Connection); 2] = [(client(), server), (server(), client)];
        for (from, to) in sides {
            let mut from = from.compress(agreement(), Level::DEFAULT);
            for message in [&long, &short, &long] {
                from.send(message).unwrap();
            }
            let wire = from.output().to_vec();
            assert!(wire.len() < 100, "{}", wire.len());
            for piece_bytes in 1..=wire.len() {
                let mut to = to().compress(agreement(), Level::DEFAULT);
                let events = receive(&mut to, &wire, piece_bytes);
                let expected = [&long, &short, &long].map(|message| message.clone().into());
                assert_eq!(events, expected, "{piece_bytes}");
            }
        }
    }

    #[test]
    fn what_inflates_beyond_the_limit_is_refused() {
        let mut from = server().compress(agreement(), Level::DEFAULT);
        from.send(&vec![0; 1_001].into()).unwrap();
        let wire = from.output().to_vec();
        let limits = Limits::new().message_bytes_max(1_000);
        let to = Connection::client(limits, || [0; 4]);
        let mut to = to.compress(agreement(), Level::DEFAULT);
        to.room().extend_from_slice(&wire);
        assert_eq!(to.next_event(), Err(ProtocolError::MessageTooLong));
    }

    #[test]
    fn without_an_agreement_a_compressed_frame_is_refused() {
        let mut from = server().compress(agreement(), Level::DEFAULT);
        from.send(&vec![0; 1_001].into()).unwrap();
        let mut to = client();
        to.room().extend_from_slice(from.output());
        assert_eq!(to.next_event(), Err(ProtocolError::ReservedBits));
    }
}

/// `room` hands out what was checked already; safe code must not make a text of what is not UTF-8.
#[test]
fn a_text_that_is_written_over_while_it_arrives_is_refused() {
    for wire in [&b"\x81\x82\0\0\0\0a"[..], b"\x01\x81\0\0\0\0a\x80\x82\0\0\0\0b"] {
        let mut server = server();
        server.room().extend_from_slice(wire);
        assert_eq!(server.next_event(), Ok(None));
        server.room()[0] = 0xFF;
        server.room().extend_from_slice(b"b");
        assert_eq!(server.next_event(), Err(ProtocolError::TextNotUtf8));
    }
}

#[test]
fn nothing_comes_after_an_error() {
    for wrong in [&b"\x81\x81\0\0\0\0\xff"[..], b"\x83\x80\0\0\0\0"] {
        let mut server = server();
        server.room().extend_from_slice(wrong);
        assert!(server.next_event().is_err());
        server.room().extend_from_slice(b"\x81\x81\0\0\0\0a");
        assert_eq!(server.next_event(), Ok(None));
    }
}
