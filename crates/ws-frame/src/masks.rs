//! Mask keys from the operating system.

extern crate std;

use core::fmt::{self, Debug, Formatter};
use std::io;

use crate::Masks;

/// The operating system's source of randomness, asked once for many keys.
///
/// ```
/// # use ws_frame::{Encoder, OsMasks};
/// let mut encoder = Encoder::client(OsMasks::new()?);
/// let mut output = Vec::new();
/// encoder.text("Hello", &mut output);
/// assert_eq!((output.len(), &output[..2]), (11, &b"\x81\x85"[..]));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct OsMasks {
    keys: [[u8; 4]; KEYS],
    /// How many of them have been used.
    used: usize,
}

impl OsMasks {
    /// A source with its first keys.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give.
    pub fn new() -> io::Result<Self> {
        let mut masks = Self { keys: [[0; 4]; KEYS], used: 0 };
        masks.fill()?;
        Ok(masks)
    }

    fn fill(&mut self) -> io::Result<()> {
        getrandom::fill(self.keys.as_flattened_mut())?;
        self.used = 0;
        Ok(())
    }
}

impl Masks for OsMasks {
    /// # Panics
    ///
    /// The operating system had randomness when the source was made, and has none now.
    fn next_key(&mut self) -> [u8; 4] {
        if self.used >= KEYS {
            #[expect(clippy::expect_used, reason = "an unmasked frame would be the alternative")]
            self.fill().expect("randomness, as before");
        }
        let key = self.keys.get(self.used).copied().unwrap_or_default();
        self.used = self.used.saturating_add(1);
        key
    }
}

impl Debug for OsMasks {
    /// Without the keys, which nobody may foresee.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("OsMasks").finish_non_exhaustive()
    }
}

/// As many as the kernel gives for little more than the price of one.
const KEYS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_do_not_repeat_when_more_are_fetched() {
        let mut masks = OsMasks::new().unwrap();
        let keys: HashSet<_> = (0..4 * KEYS).map(|_| masks.next_key()).collect();
        // Two of 256 are the same once in 130,000 runs; a source that repeats has at most 64.
        assert!(keys.len() >= 4 * KEYS - 2, "{}", keys.len());
    }
}
