//! How long and how many the parts of a token may be: it comes from a stranger, and what it says is kept.

/// The longest token: what proxies let pass in a head.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// The longest `kid`; providers use hashes of some 40 characters.
pub(crate) const KEY_ID_BYTES_MAX: usize = 255;

/// The longest `sub`: as long as a client's own name in presence.
pub const SUBJECT_BYTES_MAX: usize = 255;

/// The most patterns of a list: each check of a permit may look at all of them.
pub const PATTERNS_MAX: usize = 100;

/// The longest `info`: each join publishes it.
pub const INFO_BYTES_MAX: usize = 1024;

/// What clocks may differ by at most: <https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4> suggests a few minutes.
pub const LEEWAY_MS_MAX: u64 = 300_000;
