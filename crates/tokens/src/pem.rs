//! Public keys in PEM: `-----BEGIN PUBLIC KEY-----`, as `openssl pkey -pubout` writes them, and PKCS #1.
//!
//! What is inside is a SubjectPublicKeyInfo ([RFC 5280 §4.1.2.7](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.7)):
//! which kind of key, on which curve, and its bytes.

use crate::{
    algorithm::{Algorithm, KeyKind},
    key::{Key, KeyError},
};
use simple_asn1::{ASN1Block, OID, from_der, oid};

impl Key {
    /// The public keys of a PEM text, each for those of `algorithms` that are for its kind, or for the usual one.
    ///
    /// # Errors
    ///
    /// The text has no public key, or one that is damaged, private, too small or of another kind.
    pub fn from_pem(text: &str, algorithms: &[Algorithm]) -> Result<Vec<Self>, KeyError> {
        let blocks = pem::parse_many(text).map_err(|_| KeyError::NotPem)?;
        if blocks.is_empty() {
            return Err(KeyError::NotPem);
        }
        let read = |block: &pem::Pem| match block.tag() {
            "PUBLIC KEY" => from_public_key_info(block.contents(), algorithms),
            "RSA PUBLIC KEY" => from_rsa_der(block.contents(), algorithms),
            "CERTIFICATE" => Err(KeyError::Certificate),
            tag if tag.ends_with("PRIVATE KEY") => Err(KeyError::PrivateKey),
            _ => Err(KeyError::NotPem),
        };
        blocks.iter().map(read).collect()
    }
}

fn from_public_key_info(der: &[u8], algorithms: &[Algorithm]) -> Result<Key, KeyError> {
    let blocks = from_der(der).map_err(|_| KeyError::Damaged)?;
    let [ASN1Block::Sequence(_, info)] = &*blocks else { return Err(KeyError::Damaged) };
    let [ASN1Block::Sequence(_, identifier), ASN1Block::BitString(_, _, key)] = &**info else {
        return Err(KeyError::Damaged);
    };
    let [ASN1Block::ObjectIdentifier(_, family), parameters @ ..] = &**identifier else {
        return Err(KeyError::Damaged);
    };
    if family == oid!(1, 2, 840, 113_549, 1, 1, 1) {
        return from_rsa_der(key, algorithms);
    }
    if family == oid!(1, 3, 101, 112) {
        return Key::from_ed25519(key, algorithms);
    }
    let kind = match parameters {
        [ASN1Block::ObjectIdentifier(_, curve)] if family == oid!(1, 2, 840, 10_045, 2, 1) => {
            curve_kind(curve)
        }
        _ => None,
    };
    let kind = kind.ok_or(KeyError::OtherKind)?;
    let (mark, point) = key.split_first().ok_or(KeyError::Damaged)?;
    let (x, y) = point.split_at_checked(point.len() / 2).ok_or(KeyError::Damaged)?;
    match *mark {
        UNCOMPRESSED => Key::from_point(kind, x, y, algorithms),
        _ => Err(KeyError::Damaged),
    }
}

fn curve_kind(curve: &OID) -> Option<KeyKind> {
    if curve == oid!(1, 2, 840, 10_045, 3, 1, 7) {
        Some(KeyKind::P256)
    } else if curve == oid!(1, 3, 132, 0, 34) {
        Some(KeyKind::P384)
    } else {
        None
    }
}

/// Modulus and exponent: <https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1>
fn from_rsa_der(der: &[u8], algorithms: &[Algorithm]) -> Result<Key, KeyError> {
    let blocks = from_der(der).map_err(|_| KeyError::Damaged)?;
    let [ASN1Block::Sequence(_, numbers)] = &*blocks else { return Err(KeyError::Damaged) };
    let [ASN1Block::Integer(_, modulus), ASN1Block::Integer(_, exponent)] = &**numbers else {
        return Err(KeyError::Damaged);
    };
    Key::from_rsa(&modulus.to_bytes_be().1, &exponent.to_bytes_be().1, algorithms)
}

/// The first byte of a point of which both coordinates follow.
const UNCOMPRESSED: u8 = 4;
