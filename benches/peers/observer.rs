//! What a subject says that it heard: counted while the clock runs, and digested when it does not.

use std::hash::{DefaultHasher, Hasher as _};

/// Whoever is told of each message.
pub(crate) trait Observer {
    /// A WebSocket message, or what an encoder wrote.
    fn hear(&mut self, payload: &[u8]);

    /// An event of an event stream.
    fn hear_event(&mut self, id: &str, event: &str, data: &[u8]);

    /// An event as it was written, its fields in whatever order.
    fn hear_written(&mut self, event: &[u8]);
}

/// The observer of the timed passes: counts, and looks at no byte.
#[derive(Default)]
pub(crate) struct Tally {
    messages: usize,
    bytes: usize,
}

impl Observer for Tally {
    #[inline]
    fn hear(&mut self, payload: &[u8]) {
        self.messages += 1;
        self.bytes += payload.len();
    }

    #[inline]
    fn hear_event(&mut self, id: &str, event: &str, data: &[u8]) {
        self.messages += 1;
        self.bytes += id.len() + event.len() + data.len();
    }

    #[inline]
    fn hear_written(&mut self, event: &[u8]) {
        self.hear(event);
    }
}

/// The observer of the proving pass: everything that was heard, as one number.
#[derive(Default)]
pub(crate) struct Digest {
    tally: Tally,
    hasher: DefaultHasher,
}

impl Digest {
    /// The same for two subjects that heard the same messages in the same order.
    pub(crate) fn heard(&self) -> Heard {
        Heard {
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
    fn hear(&mut self, payload: &[u8]) {
        self.tally.hear(payload);
        self.write(payload);
    }

    fn hear_event(&mut self, id: &str, event: &str, data: &[u8]) {
        self.tally.hear_event(id, event, data);
        for part in [id.as_bytes(), event.as_bytes(), data] {
            self.write(part);
        }
    }

    fn hear_written(&mut self, event: &[u8]) {
        self.tally.hear_written(event);
        let mut lines: Vec<&[u8]> = event.split(|byte| *byte == b'\n').collect();
        lines.sort_unstable();
        for line in lines {
            self.write(line);
        }
    }
}

/// What has to be equal for all subjects of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    messages: usize,
    bytes: usize,
    digest: u64,
}
