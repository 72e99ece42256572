//! The moves of bytes between a stream and the state machine, which a whole socket and its halves share.

use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use std::io;

use ::tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use bytes::BufMut as _;
use core::future::Future as _;

use crate::connection::{OUTPUT_BYTES_MAX, READ_BYTES_MAX, Receiving};
use crate::outgoing::Outgoing;

/// Polls for bytes to arrive; none means that the stream has ended.
#[inline]
pub(super) fn poll_read<R: AsyncRead + Unpin>(
    io: &mut R,
    receiving: &mut Receiving,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut room = receiving.room().limit(READ_BYTES_MAX);
    // Such a future keeps nothing between two polls.
    let read = pin!(io.read_buf(&mut room)).poll(context);
    if read.is_pending() {
        receiving.handle_idle();
    }
    read
}

/// Polls until all of the output is written and flushed.
pub(super) fn poll_flush<W: AsyncWrite + Unpin>(
    io: &mut W,
    sending: &mut Outgoing,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !sending.output().is_empty() {
        let written = ready!(Pin::new(&mut *io).poll_write(context, sending.output()))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        sending.handle_written(written);
    }
    ready!(Pin::new(io).poll_flush(context))?;
    sending.handle_flushed();
    Poll::Ready(Ok(()))
}

/// Polls for what was encoded to be sent, and is ready as soon as the peer may be asked for more: one that
/// asks and does not read is not.
pub(super) fn poll_sent<W: AsyncWrite + Unpin>(
    io: &mut W,
    sending: &mut Outgoing,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    if sending.is_unflushed() {
        let flushed = poll_flush(io, sending, context)?;
        if flushed.is_pending() && sending.output().len() > OUTPUT_BYTES_MAX {
            return Poll::Pending;
        }
    }
    Poll::Ready(Ok(()))
}

/// Polls until there is room for another message.
#[inline]
pub(super) fn poll_room<W: AsyncWrite + Unpin>(
    io: &mut W,
    sending: &mut Outgoing,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    if sending.output().len() <= OUTPUT_BYTES_MAX {
        return Poll::Ready(Ok(()));
    }
    poll_flush(io, sending, context)
}

/// Polls until the output is written, and if `ends`, the stream ended.
pub(super) fn poll_end<W: AsyncWrite + Unpin>(
    io: &mut W,
    sending: &mut Outgoing,
    ends: bool,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    ready!(poll_flush(io, sending, context))?;
    if ends { Pin::new(io).poll_shutdown(context) } else { Poll::Ready(Ok(())) }
}
