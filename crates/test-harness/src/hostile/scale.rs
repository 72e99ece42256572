//! How large an attack is.

/// How large attacks are, and with them the bounds of the server that they are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Whole, on a server as it comes.
    Whole,
    /// A tenth, and a third of those that fill an account, which is smaller.
    Short,
}

impl Scale {
    /// By what most counts are divided.
    pub(super) fn divisor(self) -> usize {
        if self == Self::Whole { 1 } else { 10 }
    }

    /// The same for what fills an account.
    pub(super) fn divisor_of_accounts(self) -> usize {
        if self == Self::Whole { 1 } else { 3 }
    }

    /// `input_bytes_max` and `output_bytes_max` of the server, in megabytes.
    pub(super) fn accounts_mb(self) -> (u64, u64) {
        if self == Self::Whole { (128, 128) } else { (32, 16) }
    }
}
