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

/// All items of `stream` as the codec that it is read by says them, until it ends.
async fn read_all(stream: &[u8], codec: &mut EventCodec) -> Vec<OwnedItem> {
    let mut source = BytesMut::from(stream);
    let mut read = Vec::new();
    while let Some(item) = codec.decode_eof(&mut source).unwrap() {
        read.push(item);
    }
    read
}

#[tokio::test(flavor = "current_thread")]
async fn a_codec_whose_stream_ended_reads_the_next_stream_from_its_start() {
    let mut codec = EventCodec::default();
    assert_eq!(read_all(&[WIRE, b"data: HALF"].concat(), &mut codec).await, items());
    assert_eq!(codec.last_event_id(), "7", "what a client reconnects with is kept");
    // A mark may open each stream, and `da` of the one does not go on in the other.
    assert_eq!(read_all(b"\xEF\xBB\xBFdata: b\n\nda", &mut codec).await, [event("message", "b")]);
    assert_eq!(read_all(b"ta: c\n\n", &mut codec).await, []);
}

#[tokio::test(flavor = "current_thread")]
async fn a_codec_moved_to_a_new_stream_begins_anew() {
    let mut reader = FramedRead::new(&b"data: HALF"[..], EventCodec::default());
    assert!(reader.next().await.is_none());
    let parts = tokio_util::codec::Framed::from_parts(moved(reader));
    let read: Vec<OwnedItem> = parts.map(Result::unwrap).collect().await;
    let b = OwnedEvent { event: "message".into(), data: "b".into(), last_event_id: String::new() };
    assert_eq!(read, [OwnedItem::Event(b)]);
}

/// The reader's codec, now on another stream.
fn moved(
    mut reader: FramedRead<&[u8], EventCodec>,
) -> tokio_util::codec::FramedParts<std::io::Cursor<Vec<u8>>, EventCodec> {
    let codec = std::mem::take(reader.decoder_mut());
    let next = std::io::Cursor::new(b"data: b\n\n".to_vec());
    tokio_util::codec::FramedParts::new::<Block<'_>>(next, codec)
}

#[tokio::test(flavor = "current_thread")]
async fn a_codec_restarted_after_a_broken_connection_forgets_what_was_unfinished() {
    let mut codec = EventCodec::default();
    let mut source = BytesMut::from(&b"id: 7\n\ndata: HALF"[..]);
    assert_eq!(codec.decode(&mut source).unwrap(), None);
    // The connection was reset, which is no end, so only the caller knows.
    codec.restart();
    assert_eq!(codec.last_event_id(), "7");
    assert_eq!(read_all(b"data: b\n\n", &mut codec).await, [event("message", "b")]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_refused_stream_is_left_behind_by_a_restart() {
    let limits = Limits { data_bytes_max: 3, ..Limits::default() };
    let mut codec = EventCodec::new(limits);
    let mut source = BytesMut::from(&b"id: 7\n\ndata: 1234\n\n"[..]);
    assert!(matches!(codec.decode(&mut source), Err(CodecError::Limit(_))));
    assert!(matches!(codec.decode_eof(&mut source), Err(CodecError::Limit(_))));
    codec.restart();
    assert_eq!(read_all(b"data: 123\n\n", &mut codec).await, [event("message", "123")]);
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
fn an_error_of_the_transport_names_its_cause() {
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

#[test]
fn the_codec_holds_a_copy_more_than_the_parser() {
    let limits = Limits { data_bytes_max: 256 << 10, field_bytes_max: 1 << 10 };
    let documented = 3 * limits.data_bytes_max + 10 * limits.field_bytes_max + (1 << 10);
    let broken = [b"data: ", &vec![0xFF; limits.data_bytes_max / 3][..], b"\n\n"].concat();
    let valid = [b"data: ", &vec![b'x'; limits.data_bytes_max - 1][..], b"\ndata\n\n"].concat();
    for wire in [broken, valid] {
        let (mut source, mut received) = (BytesMut::with_capacity(1 << 10), 0);
        let mut codec = EventCodec::new(limits);
        let counted = allocation_counter::measure(|| {
            for piece in wire.chunks(1 << 10) {
                source.extend_from_slice(piece);
                while let Some(item) = codec.decode(&mut source).unwrap() {
                    received += usize::from(matches!(item, OwnedItem::Event(_)));
                }
            }
        });
        assert_eq!(received, 1);
        // What the caller reads into comes on top.
        let documented = u64::try_from(documented + (1 << 10)).unwrap();
        assert!(counted.bytes_max <= documented, "{} of {documented}", counted.bytes_max);
    }
}
