//! The socket as h2 sees it: reads take turns, and one poll of the connection writes a bounded number of bytes.

use crate::request_turns::RequestTurn;
use crate::socket::{ClientSocket, Socket};
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

pub(super) struct Http2Io {
    socket: Option<ClientSocket>,
    turn: RequestTurn,
    traffic: Traffic,
}

/// What has passed through the socket; cloning gives another handle.
#[derive(Clone)]
pub(super) struct Traffic(Rc<Passed>);

struct Passed {
    /// When the client last sent something.
    read_at: Cell<Instant>,
    /// Whether a request was answered: from then on reads wait with those of connections that are known.
    has_answered: Cell<bool>,
    /// Bytes that may still be written before the connection's task polls again.
    write_bytes_left: Cell<usize>,
    /// The socket, once h2 has done with it.
    left: Cell<Option<ClientSocket>>,
}

impl Http2Io {
    pub(super) fn new(socket: ClientSocket, turn: RequestTurn) -> (Self, Traffic) {
        let (read_at, write_bytes_left) = (Cell::new(Instant::now()), Cell::new(WRITE_BYTES_MAX));
        let (has_answered, left) = (Cell::new(false), Cell::new(None));
        let passed = Passed { read_at, has_answered, write_bytes_left, left };
        let traffic = Traffic(Rc::new(passed));
        (Self { socket: Some(socket), turn, traffic: traffic.clone() }, traffic)
    }

    /// It is there until this is dropped.
    fn socket(&mut self) -> io::Result<&mut ClientSocket> {
        self.socket.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let left = self.traffic.0.write_bytes_left.get();
        if left == 0 {
            // Other tasks of the worker have their turn.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let written = ready!(Socket::poll_write(self.socket()?, context, slices))?;
        self.traffic.0.write_bytes_left.set(left.saturating_sub(written));
        Poll::Ready(Ok(written))
    }
}

impl Traffic {
    /// The connection's task polls.
    pub(super) fn begin(&self) {
        self.0.write_bytes_left.set(WRITE_BYTES_MAX);
    }

    /// A request was answered.
    pub(super) fn note_answered(&self) {
        self.0.has_answered.set(true);
    }

    pub(super) fn read_at(&self) -> Instant {
        self.0.read_at.get()
    }

    /// The socket, once the connection is dropped.
    pub(super) fn take_socket(&self) -> Option<ClientSocket> {
        self.0.left.take()
    }
}

impl Drop for Http2Io {
    fn drop(&mut self) {
        self.traffic.0.left.set(self.socket.take());
    }
}

impl AsyncRead for Http2Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Nothing to read takes no turn.
        ready!(this.socket()?.poll_readable(context));
        if this.traffic.0.has_answered.get() {
            this.turn.note_answered();
        }
        ready!(this.turn.poll(context));
        let before = buffer.filled().len();
        ready!(Pin::new(this.socket()?).poll_read(context, buffer))?;
        this.turn.spend(READ_BYTES + buffer.filled().len() - before);
        this.traffic.0.read_at.set(Instant::now());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http2Io {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().write(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().write(context, slices)
    }

    /// So that the head of a frame and what is in it are one record of TLS.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().socket()?).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().socket()?).poll_shutdown(context)
    }
}

/// What a connection writes in one poll: a gather, and what belongs to it.
const WRITE_BYTES_MAX: usize = 128 << 10;

/// What a read counts beside its bytes.
const READ_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request_turns::RequestTurns;
    use std::future::poll_fn;
    use std::task::Waker;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};

    #[actix_web::test]
    async fn a_client_that_was_answered_is_read_before_a_crowd() {
        let context = &mut Context::from_waker(Waker::noop());
        let turns = RequestTurns::by_rounds();
        let mut crowd: Vec<_> = (0..100).map(|_| turns.claim()).collect();
        assert!(crowd.iter_mut().all(|claim| claim.poll(context).is_pending()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = ClientSocket::from(listener.accept().await.unwrap().0);
        client.write_all(b"frame").await.unwrap();
        poll_fn(|context| socket.poll_readable(context)).await;
        let (mut io, traffic) = Http2Io::new(socket, turns.claim());
        traffic.note_answered();
        let mut read = || {
            let mut bytes = [0; 16];
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = Pin::new(&mut io).poll_read(context, &mut buffer);
            read.map(|read| read.map(|()| buffer.filled().len()).unwrap())
        };
        assert_eq!(read(), Poll::Pending, "no round has begun");
        turns.begin_round();
        assert_eq!(read(), Poll::Ready(5));
    }
}
