//! One direction of a connection: bytes that are short-written, delayed, cut up, or lost.

use fastrand::Rng;
use std::collections::VecDeque;

/// Bytes on their way from one end to the other, in order.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// Each piece with the time at which it may be read.
    flight: VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
    pub(crate) bytes_max: usize,
    pub(crate) delay_ms: u64,
    /// Until then nothing comes out.
    pub(crate) stalled_until_ms: u64,
    /// No more comes in; what is under way still comes out.
    pub(crate) is_ended: bool,
    /// Since when it takes everything and gives nothing, its end included.
    pub(crate) swallows_since_ms: Option<u64>,
}

impl Pipe {
    pub(crate) fn new(bytes_max: usize, delay_ms: u64) -> Self {
        Self {
            flight: VecDeque::new(),
            bytes: 0,
            bytes_max,
            delay_ms,
            stalled_until_ms: 0,
            is_ended: false,
            swallows_since_ms: None,
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.bytes < self.bytes_max && !self.is_ended
    }

    /// Loses what is under way and all that follows, and informs neither end.
    pub(crate) fn swallow(&mut self, now_ms: u64) {
        self.flight.clear();
        (self.bytes, self.swallows_since_ms) = (0, self.swallows_since_ms.or(Some(now_ms)));
    }

    /// Shows its end after all: a machine finds out in time that a peer is there no longer.
    pub(crate) fn surface(&mut self) {
        (self.is_ended, self.swallows_since_ms) = (true, None);
    }

    /// Takes the front of `bytes`: as much as fits, and now and then less.
    pub(crate) fn write(&mut self, bytes: &[u8], now_ms: u64, rng: &mut Rng) -> usize {
        if self.is_ended || bytes.is_empty() {
            return 0;
        }
        if self.swallows_since_ms.is_some() {
            return bytes.len();
        }
        let mut count = bytes.len().min(self.bytes_max.saturating_sub(self.bytes));
        if count > 1 && rng.u8(..) < SHORT_WRITES {
            count = rng.usize(1..count);
        }
        if let Some(taken) = bytes.get(..count).filter(|taken| !taken.is_empty()) {
            self.flight.push_back((now_ms + self.delay_ms, taken.to_vec()));
            self.bytes += count;
        }
        count
    }

    /// Gives what has arrived, up to `bytes_max` bytes of it.
    pub(crate) fn read(&mut self, bytes_max: usize, now_ms: u64) -> Vec<u8> {
        let mut read = Vec::new();
        while now_ms >= self.stalled_until_ms
            && read.len() < bytes_max
            && let Some((ready_ms, piece)) = self.flight.front_mut()
            && *ready_ms <= now_ms
        {
            let count = piece.len().min(bytes_max - read.len());
            read.extend(piece.drain(..count));
            if piece.is_empty() {
                self.flight.pop_front();
            }
        }
        self.bytes -= read.len();
        read
    }

    pub(crate) fn has_arrivals(&self, now_ms: u64) -> bool {
        now_ms >= self.stalled_until_ms
            && self.flight.front().is_some_and(|(ready_ms, _)| *ready_ms <= now_ms)
    }

    /// Whether the reader has come to the end.
    pub(crate) fn is_at_end(&self, now_ms: u64) -> bool {
        self.is_ended
            && self.flight.is_empty()
            && now_ms >= self.stalled_until_ms
            && self.swallows_since_ms.is_none()
    }

    /// Loses everything under way but its first `kept` bytes, and ends.
    pub(crate) fn cut(&mut self, kept: usize) {
        let mut rest = kept;
        for (_, piece) in &mut self.flight {
            piece.truncate(rest);
            rest -= piece.len();
        }
        self.flight.retain(|(_, piece)| !piece.is_empty());
        self.bytes = kept - rest;
        self.is_ended = true;
    }

    /// Bytes under way.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Becomes a good link from here on.
    pub(crate) fn heal(&mut self) {
        (self.bytes_max, self.delay_ms, self.stalled_until_ms) = (HEALTHY_BYTES, 0, 0);
    }
}

/// Of 256 writes, how many take less than would fit.
const SHORT_WRITES: u8 = 40;

/// What a good link holds.
const HEALTHY_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in_when_their_time_has_come() {
        let mut rng = Rng::with_seed(1);
        let mut pipe = Pipe::new(4, 10);
        let mut sent = 0;
        while sent < 4 {
            sent += pipe.write(&b"abcd"[sent..], 0, &mut rng);
        }
        assert!(!pipe.has_room());
        assert_eq!(pipe.read(9, 9), b"");
        assert_eq!(pipe.read(3, 10), b"abc");
        assert!(pipe.has_room());
        assert_eq!(pipe.read(3, 10), b"d");
    }

    #[test]
    fn what_is_swallowed_never_comes_out_and_shows_no_end() {
        let mut rng = Rng::with_seed(1);
        let mut pipe = Pipe::new(4, 10);
        pipe.write(b"ab", 0, &mut rng);
        pipe.swallow(5);
        assert_eq!(pipe.write(b"a longer word", 6, &mut rng), 13);
        pipe.is_ended = true;
        assert_eq!(
            (pipe.read(9, 99), pipe.has_arrivals(99), pipe.is_at_end(99)),
            (vec![], false, false)
        );
        pipe.surface();
        assert!(pipe.is_at_end(99));
    }

    #[test]
    fn a_cut_keeps_only_a_front() {
        let mut pipe = Pipe::new(100, 0);
        let mut rng = Rng::with_seed(3);
        pipe.write(b"a", 0, &mut rng);
        pipe.write(b"b", 0, &mut rng);
        pipe.write(b"c", 0, &mut rng);
        pipe.cut(2);
        assert_eq!((pipe.len(), pipe.read(9, 0)), (2, b"ab".to_vec()));
        assert!(pipe.is_at_end(0));
    }
}
