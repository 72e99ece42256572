//! Who has been verified by which key, so that the end of a key can be the end of what it has opened.

use crate::claims::Claims;

/// What a credential says, and by which key it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    /// By which key. Ask [`crate::Verifier::trusts`] whether that is still in force.
    pub key: KeyMark,
    /// The id of an API key.
    pub api_key_id: Option<String>,
}

/// A key, by which nothing can be verified: some bits of a hash.
///
/// Two keys have the same mark by accident once in 2^64; then the end of one is noticed with the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyMark(pub(crate) u64);

impl KeyMark {
    /// The mark of a key that is fetched, or of none. It stays in force while keys are fetched: an issuer that changes its keys takes the old one out of
    /// its set while tokens of it are still valid.
    pub(crate) const FETCHED: Self = Self(0);

    /// That of a hash.
    pub(crate) fn of(hash: &[u8]) -> Self {
        let bits = hash.first_chunk().map_or(1, |bytes| u64::from_be_bytes(*bytes));
        Self(bits.max(1))
    }
}
