//! Bytes that were read from a client and may not be passed on to actix yet.
//!
//! actix decodes all that it is given, and stores every request that follows the one it serves. Above 128 KiB of input
//! it wakes itself until there is less, so it would spin while a client does not read its answers. Therefore it is given
//! the next request, and no byte more, once the handler of the previous one has answered and that answer is not stuck.
//! The rest stays in the socket, except for a few bytes that are read to notice that the client has ended.

use super::long_head::{HEAD_READ_BYTES, LongHead};
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
    head: LongHead,
    /// The client has ended its side, after what is in `ahead`.
    has_ended: bool,
}

/// Whether another request may be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    Now,
    /// Once the previous one is answered, and the client reads what it is sent.
    Later,
}

/// What came of a read that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Something was passed on.
    Some,
    /// Something was read of a head whose end has not come, and nothing passed on.
    Gathered,
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

    /// Whether there is nothing to pass on but what is in the stream.
    pub(super) fn is_empty(&self) -> bool {
        self.ahead.is_empty() && !self.head.is_whole()
    }

    /// Bytes that were not passed on.
    pub(super) fn len(&self) -> usize {
        self.ahead.len() + self.head.len()
    }

    /// The memory that they take, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.ahead.len() + self.head.footprint()
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
        let room = match self.head.gathers(targets) {
            true => HEAD_READ_BYTES,
            false => (buffer.remaining() / GROWTH).min(HEAD_READ_BYTES),
        };
        let passes = begin == Begin::Now || !targets.is_between();
        if self.head.is_whole() {
            self.head.follow(buffer);
            return Poll::Ready(Ok(Read::Some));
        }
        let before = buffer.filled().len();
        if passes && self.pass_on(room, targets, buffer)? {
            return Poll::Ready(Ok(Read::of(buffer.filled().len() - before)));
        }
        let limit = buffer.remaining().min(BODY_READ_BYTES);
        if self.ahead.is_empty() && (room == 0 || targets.is_open_for(limit)) {
            let mut limited = ReadBuf::new(buffer.initialize_unfilled_to(limit));
            ready!(stream.poll_read(context, &mut limited))?;
            let count = limited.filled().len();
            buffer.advance(count);
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
                true => self.head.take(raw.filled(), targets, buffer)?,
                false => 0,
            };
            self.ahead.extend_from_slice(raw.filled().get(taken..).unwrap_or_default());
            if taken > 0 {
                return Poll::Ready(Ok(Read::of(buffer.filled().len() - before)));
            }
        }
        Poll::Ready(Ok(if self.ahead.is_empty() { Read::End } else { Read::Later }))
    }

    /// Passes on some of what is ahead, if any of it may be.
    fn pass_on(
        &mut self,
        room: usize,
        targets: &mut Targets,
        buffer: &mut ReadBuf<'_>,
    ) -> io::Result<bool> {
        let next = self.ahead.get(..room.min(self.ahead.len())).unwrap_or_default();
        let taken = self.head.take(next, targets, buffer)?;
        self.ahead.drain(..taken);
        if self.ahead.is_empty() {
            // Most connections never have any again.
            self.ahead = Vec::new();
        }
        Ok(taken > 0)
    }
}

impl Read {
    /// Of what was read, `passed` bytes were passed on; if none were, it was gathered.
    fn of(passed: usize) -> Self {
        if passed == 0 { Self::Gathered } else { Self::Some }
    }
}

/// As one read takes of a body, and as the dispatcher gets of one before it has to decode.
pub(super) const BODY_READ_BYTES: usize = 8 << 10;

/// As one read takes of what comes after that.
const READ_BYTES: usize = 2 << 10;

/// Bytes read ahead of a request that is not served yet, and one read more: enough to find out that a client which
/// has sent a few requests is gone.
const AHEAD_BYTES_MAX: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::super::target::RequestBody;
    use super::*;
    use std::task::Waker;

    /// A client's bytes as they arrive: no more until the next part is pushed.
    #[derive(Default)]
    struct Arriving(Vec<u8>);

    impl AsyncRead for Arriving {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let count = self.0.len().min(buffer.remaining());
            buffer.put_slice(&self.0.drain(..count).collect::<Vec<_>>());
            if count == 0 { Poll::Pending } else { Poll::Ready(Ok(())) }
        }
    }

    /// One connection, and what of it has passed.
    struct Passing {
        input_buffer: InputBuffer,
        stream: Arriving,
        targets: Targets,
        passed: Vec<u8>,
    }

    impl Passing {
        fn new() -> Self {
            let (input_buffer, stream) = (InputBuffer::default(), Arriving::default());
            Self { input_buffer, stream, targets: Targets::START, passed: Vec::new() }
        }

        /// Lets `bytes` arrive, and passes on what may be. Returns the length of the longest part.
        fn arrive(&mut self, bytes: &[u8]) -> usize {
            let mut longest = 0;
            self.stream.0.extend_from_slice(bytes);
            let mut context = Context::from_waker(Waker::noop());
            loop {
                let mut room = [0; 64 << 10];
                let mut buffer = ReadBuf::new(&mut room);
                let stream = Pin::new(&mut self.stream);
                let targets = &mut self.targets;
                let read = self.input_buffer.poll_read(
                    stream,
                    &mut context,
                    targets,
                    Begin::Now,
                    &mut buffer,
                );
                longest = longest.max(buffer.filled().len());
                self.passed.extend_from_slice(buffer.filled());
                match read.map(Result::unwrap) {
                    Poll::Ready(Read::Some | Read::Gathered) => {}
                    Poll::Ready(Read::End | Read::Later) | Poll::Pending => return longest,
                }
            }
        }
    }

    #[test]
    fn a_body_passes_in_small_parts_whatever_room_there_is() {
        let mut client = Passing::new();
        client.arrive(b"POST /a HTTP/1.1\r\n\r\n");
        client.targets.serve(RequestBody::Sized(100_000));
        assert!(client.arrive(&[b'x'; 100_000]) <= 8 << 10);
        assert!(client.passed.ends_with(&[b'x'; 100_000]));
    }

    fn head(bytes: usize) -> Vec<u8> {
        let begin = b"GET /a HTTP/1.1\r\nHost: a\r\nX: ";
        let filler = vec![b'x'; bytes - begin.len() - END.len()];
        [&begin[..], &filler, END].concat()
    }

    const END: &[u8] = b"\r\n\r\n";

    #[test]
    fn of_a_long_head_little_passes_before_its_end() {
        let head = head(100_000);
        let mut client = Passing::new();
        for part in head[..99_999].chunks(7_000) {
            client.arrive(part);
            assert!(client.passed.len() <= 14 << 10, "{} bytes", client.passed.len());
        }
        assert!(client.input_buffer.held_bytes() >= 99_999 - client.passed.len());
        client.arrive(&head[99_999..]);
        assert!(client.passed == head);
        assert_eq!(client.input_buffer.held_bytes(), 0);
    }

    #[test]
    fn heads_of_any_length_in_any_parts_pass_whole_and_one_at_a_time() {
        let mut random = fastrand::Rng::with_seed(7);
        for bytes in [60, 4_095, 4_096, 4_097, 8_192, 20_000, 131_071] {
            for part_max in [9, 1_500, 200_000] {
                let (first, second) = (head(bytes), head(bytes + 1));
                let mut client = Passing::new();
                let wire = [&*first, &second].concat();
                let mut rest = &*wire;
                while !rest.is_empty() {
                    let (part, after) = rest.split_at(random.usize(1..=part_max).min(rest.len()));
                    client.arrive(part);
                    assert!(client.passed.len() <= bytes, "the second is not served yet");
                    rest = after;
                }
                assert!(client.passed == first, "{bytes} bytes in parts of {part_max}");
                client.targets.serve(RequestBody::Sized(0));
                client.arrive(b"");
                assert!(client.passed == wire, "{bytes} bytes in parts of {part_max}");
            }
        }
    }

    #[test]
    fn a_head_that_is_too_long_passes_for_the_dispatcher_to_refuse() {
        let mut client = Passing::new();
        client.arrive(&head(140_000)[..136_000]);
        assert!(client.passed.len() >= 128 << 10, "{} bytes", client.passed.len());
    }
}
