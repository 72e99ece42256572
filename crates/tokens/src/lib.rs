//! Verifies JSON Web Tokens for Tidewire: who a client is, and which channels it may use.
//!
//! A [`Verifier`] has keys and rules. It checks a token's signature, its times and who it is for, and returns its
//! [`Claims`]. The checks follow [RFC 8725]. This crate reads no clock, opens no file and no socket: time and the
//! text of keys are parameters. It knows nothing of requests, connections or the log.
//!
//! [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725
//!
//! ```
//! use tidewire_tokens::{Algorithm, Claims, Key, Rules, SigningKey, TokenContent, Verifier};
//!
//! let secret = b"a secret of at least 32 bytes: 0123456789";
//! let claims = Claims {
//!     subject: Some("u7".to_owned()),
//!     expires_ms: 1_763_793_600_000,
//!     subscribe: vec!["chat.*".parse()?],
//!     ..Claims::default()
//! };
//! let content = TokenContent { claims: claims.clone(), ..TokenContent::default() };
//! let token = SigningKey::from_secret(secret, Algorithm::HS256)?.sign(&content)?;
//!
//! let verifier = Verifier::new(Rules::default(), vec![Key::from_secret(secret, &[])?]);
//! assert_eq!(verifier.verify(&token, 1_763_790_000_000)?, claims);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod verified;
mod verifier;

mod api_keys;
mod claims;
mod compact;
mod error;
mod json;
mod limits;

mod jwks;
mod pem;

mod key;
mod key_source;
mod public_key;
mod signing;

mod algorithm;
mod provider;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use api_keys::{API_KEYS_MAX, ApiKey, ApiKeys, ApiKeysError, KEY_PREFIX};
pub use claims::Claims;
pub use error::TokenError;
pub use jwks::{KEY_SET_BYTES_MAX, KEYS_MAX, KeySet, KeySetError, KeySetOrigin, SkippedKey};
pub use key::{Key, KeyError};
pub use key_source::{FetchState, Fetched, KeySource};
pub use limits::{INFO_BYTES_MAX, LEEWAY_MS_MAX, PATTERNS_MAX, SUBJECT_BYTES_MAX, TOKEN_BYTES_MAX};
pub use signing::{SigningError, SigningKey, TokenContent};
pub use verified::{KeyMark, Verified};
pub use verifier::{Rules, Verifier};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
