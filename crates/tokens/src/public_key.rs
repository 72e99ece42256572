//! Public keys from their numbers, each checked as far as can be without a signature.

use crate::{
    algorithm::{Algorithm, KeyKind},
    key::{Key, KeyError},
};
use jsonwebtoken::DecodingKey;

impl Key {
    /// An RSA key, from its modulus and its exponent, big end first.
    pub(crate) fn from_rsa(
        modulus: &[u8],
        exponent: &[u8],
        algorithms: &[Algorithm],
    ) -> Result<Self, KeyError> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let Some(first) = modulus.first() else { return Err(KeyError::Damaged) };
        let bits = modulus.len().saturating_mul(8).saturating_sub(zero_bits(*first));
        if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
            return Err(KeyError::RsaSize { bits });
        }
        // An even one has no inverse; ring refuses what is larger.
        if exponent.last().is_none_or(|last| last % 2 == 0) || exponent.len() > EXPONENT_BYTES_MAX {
            return Err(KeyError::Damaged);
        }
        let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
        Self::new(KeyKind::Rsa, algorithms, key)
    }

    /// A point of P-256 or P-384; that it is on its curve is checked with each signature.
    pub(crate) fn from_point(
        kind: KeyKind,
        x: &[u8],
        y: &[u8],
        algorithms: &[Algorithm],
    ) -> Result<Self, KeyError> {
        let bytes = if kind == KeyKind::P384 { 48 } else { 32 };
        if x.len() != bytes || y.len() != bytes {
            return Err(KeyError::Damaged);
        }
        let point = [&[UNCOMPRESSED], x, y].concat();
        Self::new(kind, algorithms, DecodingKey::from_ec_der(&point))
    }

    /// A key of Ed25519.
    pub(crate) fn from_ed25519(key: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        if key.len() != 32 {
            return Err(KeyError::Damaged);
        }
        Self::new(KeyKind::Ed25519, algorithms, DecodingKey::from_ed_der(key))
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn zero_bits(byte: u8) -> usize {
    usize::try_from(byte.leading_zeros()).unwrap_or_default()
}

/// What is shorter can be factored, and ring verifies no other: <https://www.rfc-editor.org/rfc/rfc7518#section-3.3>
const RSA_BITS_MIN: usize = 2_048;
const RSA_BITS_MAX: usize = 8_192;

/// What ring accepts has 33 bits.
const EXPONENT_BYTES_MAX: usize = 5;

/// The first byte of a point of which both coordinates follow.
const UNCOMPRESSED: u8 = 4;
