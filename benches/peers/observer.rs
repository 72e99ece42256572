//! The messages that a subject reports: counted while the clock runs, hashed while it does not.

use std::hash::{DefaultHasher, Hasher as _};

/// Receives each message that a subject decodes.
pub(crate) trait Observer {
    /// A WebSocket message, or what an encoder wrote.
    fn receive(&mut self, payload: &[u8]);

    /// An event of an event stream.
    fn receive_event(&mut self, id: &str, event: &str, data: &[u8]);

    /// An event as it was written, its fields in whatever order.
    fn receive_written(&mut self, event: &[u8]);
}

/// The observer of the timed passes: counts, and looks at no byte.
#[derive(Default)]
pub(crate) struct Tally {
    messages: usize,
    bytes: usize,
}

impl Observer for Tally {
    #[inline]
    fn receive(&mut self, payload: &[u8]) {
        self.messages += 1;
        self.bytes += payload.len();
    }

    #[inline]
    fn receive_event(&mut self, id: &str, event: &str, data: &[u8]) {
        self.messages += 1;
        self.bytes += id.len() + event.len() + data.len();
    }

    #[inline]
    fn receive_written(&mut self, event: &[u8]) {
        self.receive(event);
    }
}

/// The observer of the comparing pass: all messages, as one number.
#[derive(Default)]
pub(crate) struct Digest {
    tally: Tally,
    hasher: DefaultHasher,
}

impl Digest {
    /// Equal for two subjects that decoded the same messages in the same order.
    pub(crate) fn received(&self) -> Received {
        Received {
            messages: self.tally.messages,
            bytes: self.tally.bytes,
            digest: self.hasher.finish(),
        }
    }

    fn write(&mut self, part: &[u8]) {
        self.hasher.write_usize(part.len());
        self.hasher.write(part);
    }
}

impl Observer for Digest {
    fn receive(&mut self, payload: &[u8]) {
        self.tally.receive(payload);
        self.write(payload);
    }

    fn receive_event(&mut self, id: &str, event: &str, data: &[u8]) {
        self.tally.receive_event(id, event, data);
        for part in [id.as_bytes(), event.as_bytes(), data] {
            self.write(part);
        }
    }

    fn receive_written(&mut self, event: &[u8]) {
        self.tally.receive_written(event);
        let mut lines: Vec<&[u8]> = event.split(|byte| *byte == b'\n').collect();
        lines.sort_unstable();
        for line in lines {
            self.write(line);
        }
    }
}

/// What has to be equal for all subjects of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    messages: usize,
    bytes: usize,
    digest: u64,
}
