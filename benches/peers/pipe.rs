//! A connection that is memory: what peers read from and write to, without a socket or a runtime.
//!
//! It is always ready, and a peer asks it for no more than the messages that are there.

use crate::input::Input;
use futures_util::io as futures_io;
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Both ends of a connection: clones share it.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Rc<RefCell<Ends>>);

#[derive(Default)]
struct Ends {
    unread: &'static [u8],
    read_bytes: usize,
    written: Vec<u8>,
}

impl Pipe {
    /// Has `input` arrive.
    pub(crate) fn fill(&self, input: Input) {
        let mut ends = self.0.borrow_mut();
        ends.unread = input.wire;
        ends.read_bytes = input.read_bytes;
    }

    /// Forgets what was written.
    pub(crate) fn clear(&self) {
        self.0.borrow_mut().written.clear();
    }

    /// Lends what was written.
    pub(crate) fn written<T>(&self, read: impl FnOnce(&[u8]) -> T) -> T {
        read(&self.0.borrow().written)
    }

    /// Takes what one read brings, as far as there is room for it.
    fn take_read(&self, room: usize) -> &'static [u8] {
        let mut ends = self.0.borrow_mut();
        let len = room.min(ends.read_bytes).min(ends.unread.len());
        ends.unread.split_off(..len).unwrap_or_default()
    }

    fn put(&self, bytes: &[u8]) -> usize {
        self.0.borrow_mut().written.extend_from_slice(bytes);
        bytes.len()
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.take_read(buffer.len());
        buffer[..read.len()].copy_from_slice(read);
        Ok(read.len())
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.put(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(self.take_read(buffer.remaining()));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.put(bytes)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(slices.iter().map(|bytes| self.put(bytes)).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl futures_io::AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.read(buffer))
    }
}

/// Lends the read itself: nothing is copied on the way.
impl futures_io::AsyncBufRead for Pipe {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let ends = self.0.borrow();
        let unread: &'static [u8] = ends.unread;
        Poll::Ready(Ok(&unread[..unread.len().min(ends.read_bytes)]))
    }

    fn consume(self: Pin<&mut Self>, bytes: usize) {
        self.take_read(bytes);
    }
}

impl futures_io::AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.put(bytes)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
