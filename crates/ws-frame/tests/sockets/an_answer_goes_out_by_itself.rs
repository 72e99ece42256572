//! An answer that the stream did not take at once goes out as soon as it does, whatever else is sent; if
//! the stream fails over it, that is said.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufWriter, DuplexStream, ReadBuf,
    duplex,
};
use tokio::time::timeout;
use ws_frame::tokio::WebSocket;
use ws_frame::{Connection, Error, Limits, OwnedEvent};

const PING: &[u8] = b"\x89\x82\0\0\0\0hi";

fn socket<IO>(stream: IO) -> WebSocket<IO> {
    WebSocket::from_parts(stream, Connection::server(Limits::default()))
}

/// Reads that many bytes, though not for ever.
async fn read(peer: &mut DuplexStream, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    let in_time = timeout(Duration::from_secs(20), peer.read_exact(&mut read)).await;
    assert!(matches!(in_time, Ok(Ok(_))), "an answer is held back: {in_time:?}");
    read
}

#[tokio::test]
async fn a_stream_that_takes_half_a_pong_gets_the_rest_from_a_half() {
    let (mut peer, stream) = duplex(2);
    let (_sender, mut receiver) = socket(stream).split();
    tokio::spawn(async move { receiver.receive().await });
    peer.write_all(PING).await.unwrap();
    assert_eq!(read(&mut peer, 4).await, b"\x8a\x02hi");
}

#[tokio::test]
async fn a_stream_with_a_buffer_is_flushed_to_the_end() {
    let (mut peer, stream) = duplex(2);
    let mut socket = socket(BufWriter::new(stream));
    tokio::spawn(async move { socket.receive().await });
    peer.write_all(PING).await.unwrap();
    assert_eq!(read(&mut peer, 4).await, b"\x8a\x02hi");
}

#[tokio::test]
async fn what_a_sender_gives_up_goes_out_while_the_receiver_waits() {
    let (mut peer, stream) = duplex(2);
    let (mut sender, mut receiver) = socket(stream).split();
    tokio::spawn(async move { receiver.receive().await });
    tokio::task::yield_now().await;
    assert!(sender.send("given up").now_or_never().is_none());
    assert_eq!(read(&mut peer, 10).await, b"\x81\x08given up");
}

/// A stream that fails to write once and seems to be well afterwards.
struct FailsOnce {
    stream: DuplexStream,
    has_failed: bool,
}

impl AsyncRead for FailsOnce {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for FailsOnce {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.has_failed {
            self.has_failed = true;
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What `receive_event` returns: the ping, the failure of its answer, and that this was the end.
macro_rules! assert_failure_is_said {
    ($receiver:expr) => {
        let next = $receiver.receive_event().now_or_never().unwrap().unwrap();
        assert!(matches!(next, Some(OwnedEvent::Ping(_))), "{next:?}");
        let next = $receiver.receive_event().now_or_never();
        assert!(matches!(next, Some(Err(Error::Io(_)))), "{next:?}");
        let next = $receiver.receive().now_or_never();
        assert!(matches!(next, Some(Ok(None))), "{next:?}");
    };
}

#[tokio::test]
async fn a_failure_while_answering_is_said_once_and_ends_it() {
    for is_split in [false, true] {
        let (mut peer, stream) = duplex(64);
        peer.write_all(PING).await.unwrap();
        let mut socket = socket(FailsOnce { stream, has_failed: false });
        if is_split {
            let (_sender, mut receiver) = socket.split();
            assert_failure_is_said!(receiver);
        } else {
            assert_failure_is_said!(socket);
        }
    }
}
