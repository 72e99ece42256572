//! A long request head, held here until its end has come.
//!
//! actix keeps an unfinished head in a buffer that doubles, reads it from its beginning with each part that arrives, and
//! leaves the memory to the allocator. So it gets the beginning at once, which is all of most heads and enough to
//! refuse what is no HTTP. The rest is gathered in a buffer of its own, and follows as soon as it is whole.

use super::target::{GROWTH, Targets};
use crate::in_flight::{ReceiveBuffer, SMALL_BYTES};
use std::io;
use tokio::io::ReadBuf;

#[derive(Debug, Default)]
pub(super) struct LongHead {
    /// Bytes of this head that went on as they came.
    passed: usize,
    gathered: Option<ReceiveBuffer>,
    /// Nothing more is gathered: the end has come, or it is longer than actix allows.
    is_whole: bool,
    /// Bytes of `gathered` that have followed.
    followed: usize,
}

impl LongHead {
    /// Whether what comes next is gathered.
    pub(super) fn gathers(&self, targets: &Targets) -> bool {
        self.passed >= PASSED_BYTES && targets.is_in_head()
    }

    /// Gives what of `raw` may pass now to `output`, or gathers it. Returns how many bytes of `raw` that were.
    ///
    /// # Errors
    ///
    /// There is no memory to gather it in.
    pub(super) fn take(
        &mut self,
        raw: &[u8],
        targets: &mut Targets,
        output: &mut ReadBuf<'_>,
    ) -> io::Result<usize> {
        if !self.gathers(targets) {
            let (was_in_head, before) = (targets.is_in_head(), output.filled().len());
            let taken = targets.take(raw, |piece| output.put_slice(piece));
            let ends = !was_in_head || targets.is_waiting();
            self.passed = if ends { 0 } else { self.passed + output.filled().len() - before };
            return Ok(taken);
        }
        let buffer = self.gathered.get_or_insert_with(|| ReceiveBuffer::new(GATHERED_BYTES_MAX));
        let mut outcome = Ok(());
        let taken = targets.take(raw, |piece| {
            if outcome.is_ok() {
                outcome = buffer.extend(piece);
            }
        });
        let is_too_long = self.passed + buffer.bytes().len() >= HEAD_BYTES_MAX;
        self.is_whole = targets.is_waiting() || is_too_long;
        outcome.map(|()| taken)
    }

    /// Whether there is something to follow.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Gives what was gathered to `output`, as much as it has room for.
    pub(super) fn follow(&mut self, output: &mut ReadBuf<'_>) {
        let gathered = self.gathered.as_ref().map(ReceiveBuffer::bytes).unwrap_or_default();
        let rest = gathered.get(self.followed..).unwrap_or_default();
        let fits = rest.get(..output.remaining()).unwrap_or(rest);
        output.put_slice(fits);
        if fits.len() == rest.len() {
            *self = Self::default();
        } else {
            self.followed += fits.len();
        }
    }

    /// Bytes that are gathered.
    pub(super) fn len(&self) -> usize {
        self.gathered.as_ref().map_or(0, |buffer| buffer.bytes().len())
    }

    /// The memory that they take, in bytes.
    pub(super) fn footprint(&self) -> usize {
        match self.len() {
            0 => 0,
            bytes => ReceiveBuffer::footprint(bytes),
        }
    }
}

/// This many bytes of a head are passed on as they come: the buffer with which actix begins has room for them and
/// one read.
const PASSED_BYTES: usize = SMALL_BYTES;

/// As one read takes of a head: all that actix has room for, if each byte were escaped.
pub(super) const HEAD_READ_BYTES: usize = 10 << 10;

/// actix refuses a longer head.
const HEAD_BYTES_MAX: usize = 128 << 10;

/// With the read that passes it, each byte of it escaped.
const GATHERED_BYTES_MAX: usize = HEAD_BYTES_MAX + GROWTH * HEAD_READ_BYTES;
