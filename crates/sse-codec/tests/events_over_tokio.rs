//! The tokio adapter: what one side writes the other reads whole, whatever the cuts.

#![allow(clippy::unwrap_used, reason = "a test may")]

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use sse_codec::{Block, CodecError, EncodeError, EventCodec, Limits, OwnedEvent, OwnedItem};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio_util::codec::{Decoder as _, FramedRead, FramedWrite};

const WIRE: &[u8] =
    b": hi\nretry: 250\nid: 7\nevent: said\ndata: one\ndata: two\n\ndata: \xC3\xA9\n\n";

fn event(event: &str, data: &str) -> OwnedItem {
    let [event, data, last_event_id] = [event, data, "7"].map(String::from);
    OwnedItem::Event(OwnedEvent { event, data, last_event_id })
}

fn items() -> [OwnedItem; 3] {
    let retry = OwnedItem::Retry(Duration::from_millis(250));
    [retry, event("said", "one\ntwo"), event("message", "é")]
}

#[test]
fn items_are_read_whatever_the_cuts() {
    for piece_bytes in 1..=WIRE.len() {
        let mut codec = EventCodec::default();
        let (mut source, mut read) = (BytesMut::new(), Vec::new());
        for piece in WIRE.chunks(piece_bytes) {
            source.extend_from_slice(piece);
            while let Some(item) = codec.decode(&mut source).unwrap() {
                read.push(item);
            }
            assert!(source.is_empty(), "input left behind");
        }
        assert_eq!(read, items(), "{piece_bytes}");
        assert_eq!(codec.last_event_id(), "7");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_abandoned_read_loses_nothing() {
    let (mut sender, receiver) = tokio::io::duplex(64);
    let mut reader = FramedRead::new(receiver, EventCodec::default());
    let mut read = Vec::new();
    for byte in WIRE {
        sender.write_u8(*byte).await.unwrap();
        // Polled once, and dropped.
        if let Some(item) = futures_util::FutureExt::now_or_never(reader.next()) {
            read.push(item.unwrap().unwrap());
        }
    }
    assert_eq!(read, items());
}

#[tokio::test(flavor = "current_thread")]
async fn the_end_of_the_stream_ends_it_and_an_unfinished_event_is_none() {
    let wire = [WIRE, b"data: cut"].concat();
    let reader = FramedRead::new(&wire[..], EventCodec::default());
    let read: Vec<OwnedItem> = reader.map(Result::unwrap).collect().await;
    assert_eq!(read, items());
}

#[tokio::test(flavor = "current_thread")]
async fn a_value_over_its_limit_ends_the_stream() {
    let limits = Limits { data_bytes_max: 3, ..Limits::default() };
    let mut reader = FramedRead::new(&b"data: 1234\n\n"[..], EventCodec::new(limits));
    let error = reader.next().await.unwrap().unwrap_err();
    assert!(matches!(error, CodecError::Limit(_)), "{error:?}");
    assert_eq!(error.to_string(), "the event's `data` is over the limit of 3 bytes");
    assert!(reader.next().await.is_none());
}

#[tokio::test(flavor = "current_thread")]
async fn blocks_are_written_and_a_forged_one_leaves_no_trace() {
    let mut written = Vec::new();
    let mut writer = FramedWrite::new(&mut written, EventCodec::default());
    let block = Block { id: Some("7"), data: Some("one\ntwo"), ..Block::default() };
    writer.send(block).await.unwrap();
    let error = writer.send(Block { event: Some("a\nb"), ..block }).await.unwrap_err();
    assert!(matches!(error, CodecError::Encode(EncodeError::Event)), "{error:?}");
    writer.send(Block::default()).await.unwrap();
    assert_eq!(written, b"id: 7\ndata: one\ndata: two\n\n\n");
}

#[test]
fn an_error_of_the_transport_tells_its_cause() {
    /// Something that went wrong because of something else.
    #[derive(Debug)]
    struct Failure(std::fmt::Error);

    impl std::fmt::Display for Failure {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("the cable was cut")
        }
    }

    impl std::error::Error for Failure {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    let error = CodecError::Io(std::io::Error::other(Failure(std::fmt::Error)));
    assert_eq!(error.to_string(), "the cable was cut");
    let source = std::error::Error::source(&error);
    assert!(source.is_some_and(|source| source.is::<std::fmt::Error>()), "{source:?}");
}
