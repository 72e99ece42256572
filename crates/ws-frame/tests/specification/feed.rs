//! Feeds wires to a decoder in every way they could arrive, and assembles what comes out.

use ws_frame::{Decoder, Event, Kind, Limits, Part, ProtocolError, Role, UNFINISHED_BYTES_MAX};

/// An event, its message assembled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

/// Everything that was decoded, and the error that ended it.
pub(crate) type Outcome = (Vec<Received>, Option<ProtocolError>);

/// One end of a connection, with the least a caller has to do.
pub(crate) struct Listener {
    decoder: Decoder,
    limits: Limits,
    unfinished: Vec<u8>,
    message: Option<Vec<u8>>,
    outcome: Outcome,
}

impl Listener {
    pub(crate) fn new(role: Role, limits: Limits) -> Self {
        let decoder = Decoder::new(role);
        Self { decoder, limits, unfinished: vec![], message: None, outcome: (vec![], None) }
    }

    /// Takes what arrives next.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> &mut Self {
        self.unfinished.extend_from_slice(chunk);
        let arrived = self.unfinished.clone();
        let mut buffer = std::mem::take(&mut self.unfinished);
        let mut input = &mut buffer[..];
        let (received, error) = &mut self.outcome;
        while error.is_none() {
            match self.decoder.decode(&mut input, &self.limits) {
                Ok(Some(event)) => received.extend(assemble(&mut self.message, event)),
                Ok(None) => break,
                Err(refused) => *error = Some(refused),
            }
        }
        if error.is_none() {
            let awaited = usize::try_from(self.limits.whole_bytes_max).unwrap_or_default() + 13;
            let unfinished_max = UNFINISHED_BYTES_MAX.max(awaited);
            assert!(input.len() <= unfinished_max, "{} bytes unfinished", input.len());
            assert_eq!(input, &arrived[arrived.len() - input.len()..], "the tail was touched");
            self.unfinished = input.to_vec();
        }
        self
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.clone()
    }
}

/// Adds the event to the message it is part of; returns it once that is whole.
fn assemble(message: &mut Option<Vec<u8>>, event: Event<'_>) -> Option<Received> {
    match event {
        Event::Text(_) | Event::Binary(_) => assert!(message.is_none(), "{event:?} inside another"),
        Event::Piece(_) | Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
    }
    Some(match event {
        Event::Text(text) => Received::Text(text.to_owned()),
        Event::Binary(payload) => Received::Binary(payload.to_vec()),
        Event::Ping(payload) => Received::Ping(payload.to_vec()),
        Event::Pong(payload) => Received::Pong(payload.to_vec()),
        Event::Close(close) => {
            Received::Close(close.map(|close| (close.code.number(), close.reason.to_owned())))
        }
        Event::Piece(piece) => {
            assert_ne!(piece.part, Part::Whole);
            assert_eq!(piece.part == Part::First, message.is_none());
            let so_far = message.get_or_insert_default();
            so_far.extend_from_slice(piece.payload);
            if piece.part != Part::Last {
                return None;
            }
            match (piece.kind, message.take().unwrap_or_default()) {
                (Kind::Text, text) => match String::from_utf8(text) {
                    Ok(text) => Received::Text(text),
                    Err(error) => panic!("handed out as text: {error}"),
                },
                (Kind::Binary, payload) => Received::Binary(payload),
            }
        }
    })
}

/// What is decoded when the bytes arrive in these chunks.
pub(crate) fn receive<'a>(
    role: Role,
    limits: Limits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut listener = Listener::new(role, limits);
    for chunk in chunks {
        listener.take(chunk);
    }
    listener.outcome()
}

/// Asserts what is decoded: from the whole, byte by byte, in any two parts, and with a tail after it, whether or not
/// small messages are awaited.
#[track_caller]
pub(crate) fn receives(role: Role, wire: &[u8], expected: &[Received]) {
    let expected = (expected.to_vec(), None);
    for limits in [Limits::default(), Limits::new().whole_bytes_max(200)] {
        assert_eq!(receive(role, limits, [wire]), expected, "whole");
        assert_eq!(receive(role, limits, wire.chunks(1)), expected, "byte by byte");
        for cut in 0..wire.len().min(300) {
            let (front, back) = wire.split_at(cut);
            assert_eq!(receive(role, limits, [front, back]), expected, "cut at {cut}");
        }
        let mut listener = Listener::new(role, limits);
        let tail = [0x89];
        listener.take(&[wire, &tail].concat());
        let left = &listener.unfinished[..];
        assert_eq!((listener.outcome(), left), (expected.clone(), &tail[..]), "with tail");
    }
}

/// Asserts that bytes are refused at the last one and not before, whatever comes after them.
#[track_caller]
pub(crate) fn refuses(role: Role, wire: &[u8], before: &[Received], error: ProtocolError) {
    refuses_within(Limits::default(), role, wire, before, error);
}

/// The same, within other limits.
#[track_caller]
pub(crate) fn refuses_within(
    limits: Limits,
    role: Role,
    wire: &[u8],
    before: &[Received],
    error: ProtocolError,
) {
    let expected = (before.to_vec(), Some(error));
    assert_eq!(receive(role, limits, [wire]), expected, "whole");
    assert_eq!(receive(role, limits, [wire, &[0; 20]]), expected, "with more behind it");
    assert_eq!(
        receive(role, limits, [[wire, &[0; 20]].concat().as_slice()]),
        expected,
        "with tail"
    );
    assert_eq!(receive(role, limits, wire.chunks(1)), expected, "byte by byte");
    let (_, early) = receive(role, limits, wire[..wire.len() - 1].chunks(1));
    assert_eq!(early, None, "before its last byte");
}
