//! The keys of `tests/keys`, which openssl has made.

use tidewire_tokens::{Algorithm, Claims, Key, SigningKey, TokenContent};

use crate::common::SOON;

/// Kinds of keys: a name, the private and the public key, and the algorithms that they are for.
pub(crate) const KINDS: [(&str, &str, &str, &[Algorithm]); 4] = [
    (
        "rsa",
        include_str!("../keys/rsa-private.pem"),
        include_str!("../keys/rsa-public.pem"),
        &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
    ),
    (
        "p256",
        include_str!("../keys/p256-private.pem"),
        include_str!("../keys/p256-public.pem"),
        &[Algorithm::ES256],
    ),
    (
        "p384",
        include_str!("../keys/p384-private.pem"),
        include_str!("../keys/p384-public.pem"),
        &[Algorithm::ES384],
    ),
    (
        "ed25519",
        include_str!("../keys/ed25519-private.pem"),
        include_str!("../keys/ed25519-public.pem"),
        &[Algorithm::EdDSA],
    ),
];

/// The public key of that kind, for all its algorithms.
pub(crate) fn public(kind: &str) -> Key {
    let (_, _, public, algorithms) = KINDS.iter().find(|(name, ..)| *name == kind).unwrap();
    Key::from_pem(public, algorithms).unwrap().remove(0)
}

/// The private key of that kind.
pub(crate) fn private(kind: &str, algorithm: Algorithm) -> SigningKey {
    let (_, private, ..) = KINDS.iter().find(|(name, ..)| *name == kind).unwrap();
    SigningKey::from_pem(private, Some(algorithm)).unwrap()
}

/// A token whose claims are in order.
pub(crate) fn signed_by(key: &SigningKey) -> String {
    let claims = Claims { expires_ms: SOON * 1_000, ..Claims::default() };
    key.sign(&TokenContent { claims, ..TokenContent::default() }).unwrap()
}
