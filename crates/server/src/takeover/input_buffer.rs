//! What has been read of a client and may not be passed on yet.
//!
//! actix decodes whatever it is given, keeps every request that is behind the one it serves, and above 128 KiB of
//! input wakes itself until there is less: it would spin while nobody takes its answers. So it is given the next
//! request once the handler of the one before has answered, unless that answer is stuck, and no byte more. The rest stays
//! in the socket, but for a little in which the client's end is found.

use super::target::{GROWTH, Targets};
use futures_util::ready;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

#[derive(Default)]
pub(super) struct InputBuffer {
    ahead: Vec<u8>,
    /// The client has ended its side behind what is ahead.
    has_ended: bool,
}

/// Whether another request may be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    Now,
    /// Once the one before is answered, and the client takes what it is sent.
    Later,
}

/// What came of a read that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Something was passed on.
    Some,
    /// The client has ended its side, and everything before that was passed on.
    End,
    /// There is something to pass on, but not now.
    Later,
}

impl InputBuffer {
    /// Whether the client has ended its side, though there may be something before that.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Bytes that were not passed on.
    pub(super) fn len(&self) -> usize {
        self.ahead.len()
    }

    /// Takes what was not passed on.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ahead)
    }

    /// Passes on what may be, from what is ahead or else from the stream; with `Begin::Later` no request that has
    /// not begun.
    pub(super) fn poll_read<S: AsyncRead>(
        &mut self,
        mut stream: Pin<&mut S>,
        context: &mut Context<'_>,
        targets: &mut Targets,
        begin: Begin,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Read>> {
        // Room for the case that each byte is escaped. actix never brings a buffer without.
        let room = (buffer.remaining() / GROWTH).min(HEAD_READ_BYTES);
        let passes = begin == Begin::Now || !targets.is_between();
        if passes && self.pass_on(room, targets, buffer) {
            return Poll::Ready(Ok(Read::Some));
        }
        if self.ahead.is_empty() && (room == 0 || targets.is_open_for(buffer.remaining())) {
            let before = buffer.filled().len();
            ready!(stream.poll_read(context, buffer))?;
            let count = buffer.filled().len() - before;
            targets.pass(count);
            self.has_ended |= count == 0;
            return Poll::Ready(Ok(if count == 0 { Read::End } else { Read::Some }));
        }
        let mut bytes = [const { MaybeUninit::uninit() }; HEAD_READ_BYTES];
        // To its limit, so that the stream wakes the reader for what comes after, be it the end.
        while !self.has_ended && self.ahead.len() < AHEAD_BYTES_MAX {
            let room = if self.ahead.is_empty() { room } else { READ_BYTES };
            let mut raw = ReadBuf::uninit(bytes.get_mut(..room).unwrap_or_default());
            match stream.as_mut().poll_read(context, &mut raw)? {
                Poll::Pending if self.ahead.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(()) => {}
            }
            self.has_ended = raw.filled().is_empty();
            let taken = match passes && self.ahead.is_empty() {
                true => targets.take(raw.filled(), |piece| buffer.put_slice(piece)),
                false => 0,
            };
            self.ahead.extend_from_slice(raw.filled().get(taken..).unwrap_or_default());
            if taken > 0 {
                return Poll::Ready(Ok(Read::Some));
            }
        }
        Poll::Ready(Ok(if self.ahead.is_empty() { Read::End } else { Read::Later }))
    }

    /// Passes on some of what is ahead, if any of it may be.
    fn pass_on(&mut self, room: usize, targets: &mut Targets, buffer: &mut ReadBuf<'_>) -> bool {
        let next = self.ahead.get(..room.min(self.ahead.len())).unwrap_or_default();
        let taken = targets.take(next, |piece| buffer.put_slice(piece));
        self.ahead.drain(..taken);
        if self.ahead.is_empty() {
            // Most connections never have any again.
            self.ahead = Vec::new();
        }
        taken > 0
    }
}

/// As one read takes of a head: all that actix has room for, if each byte were escaped.
const HEAD_READ_BYTES: usize = 10 << 10;

/// As one read takes of what comes after that.
const READ_BYTES: usize = 2 << 10;

/// Bytes read ahead of a request that is not served yet, and one read more: enough to find out that a client which
/// has sent a few requests is gone.
const AHEAD_BYTES_MAX: usize = 8 << 10;
