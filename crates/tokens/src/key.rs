//! A key that verifies tokens, bound to its algorithms.
//!
//! A token's header chooses among the algorithms of a key, and among those of its kind only. So a public key is never
//! the secret of an HMAC: <https://www.rfc-editor.org/rfc/rfc8725#section-3.1>

use crate::{
    algorithm::{Algorithm, KeyKind},
    compact::Compact,
    provider,
    verified::KeyMark,
};
use jsonwebtoken::{self as jwt, DecodingKey, DecodingKeyKind};
use ring::digest;
use std::fmt;

/// A key that verifies tokens.
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    kind: KeyKind,
    /// At least one, each for this kind.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
    mark: KeyMark,
}

/// Why something is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret has too few bytes.
    #[error(
        "a secret for {algorithm} has to have at least {bytes_min} bytes, and this one has {bytes}: shorter secrets can \
         be guessed"
    )]
    ShortSecret {
        /// How many it has.
        bytes: usize,
        /// How many it needs.
        bytes_min: usize,
        /// For which algorithm.
        algorithm: Algorithm,
    },
    /// A PEM text was given as a secret.
    #[error(
        "this is a key in PEM, not a secret: anybody who knows a public key could sign tokens with it"
    )]
    PemAsSecret,
    /// The text is no public key in PEM.
    #[error(
        "this is not a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----; `openssl pkey -pubout` writes one"
    )]
    NotPem,
    /// It is a certificate.
    #[error(
        "this is a certificate; the key inside is needed: openssl x509 -pubkey -noout -in FILE prints it"
    )]
    Certificate,
    /// It is the private key.
    #[error(
        "this is a private key, which can sign tokens; only the public one is needed: openssl pkey -pubout -in FILE prints \
         it"
    )]
    PrivateKey,
    /// It is not a private key.
    #[error("this is not a private key in PEM, which begins with -----BEGIN PRIVATE KEY-----")]
    NotPrivateKey,
    /// It is a private key of EC in the form of SEC 1.
    #[error(
        "this is an EC key in its older form; openssl pkcs8 -topk8 -nocrypt -in FILE prints the form that is needed"
    )]
    OlderEcForm,
    /// It is encrypted.
    #[error("the private key is encrypted; openssl pkey -in FILE prints it without its passphrase")]
    Encrypted,
    /// It is of a kind that verifies no token.
    #[error("this is a key of another kind; RSA, EC on P-256 or P-384, and Ed25519 are supported")]
    OtherKind,
    /// It has too few bits, or too many.
    #[error("this is an RSA key of {bits} bits; 2048 to 8192 are allowed")]
    RsaSize {
        /// How many it has.
        bits: usize,
    },
    /// Its numbers do not make a key.
    #[error("the key is damaged: its numbers do not make a key of its kind")]
    Damaged,
    /// The key cannot be used with any algorithm that is wanted.
    #[error("this is {kind}, which none of the algorithms {} is for", list(wanted))]
    NoAlgorithm {
        /// What it is.
        kind: String,
        /// What is wanted.
        wanted: Vec<Algorithm>,
    },
}

impl Key {
    /// A secret, for those of `algorithms` that use one; for HS256 if that is empty.
    ///
    /// # Errors
    ///
    /// The secret is shorter than the hash of an algorithm, or is a PEM text, or no algorithm uses a secret.
    pub fn from_secret(secret: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        check_secret(secret, &algorithms_for(KeyKind::Secret, algorithms)?)?;
        let key = DecodingKey::from_secret(secret).map_err(|_| KeyError::Damaged)?;
        Self::new(KeyKind::Secret, algorithms, key)
    }

    /// A key of this kind, for those of `algorithms` that are; for the usual one if that is empty.
    pub(crate) fn new(
        kind: KeyKind,
        algorithms: &[Algorithm],
        key: DecodingKey,
    ) -> Result<Self, KeyError> {
        provider::install();
        let algorithms = algorithms_for(kind, algorithms)?;
        let mark = mark(kind, &key);
        Ok(Self { id: None, kind, algorithms, key, mark })
    }

    /// The same key, for tokens that name it by `kid`, or name none.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    /// What tokens call it: `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What it is known by.
    pub(crate) fn mark(&self) -> KeyMark {
        self.mark
    }

    pub(crate) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether this key has signed `token` with `algorithm`, which it is for.
    pub(crate) fn verifies(&self, algorithm: Algorithm, token: &Compact<'_>) -> bool {
        let signed = token.signed.as_bytes();
        let verified = jwt::crypto::verify(token.signature, signed, &self.key, algorithm.into());
        self.is_for(algorithm) && verified.unwrap_or(false)
    }
}

/// Without what is secret.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, kind, algorithms, key: _, mark: _ } = self;
        let mut shown = formatter.debug_struct("Key");
        shown.field("id", id).field("kind", kind).field("algorithms", algorithms);
        shown.finish_non_exhaustive()
    }
}

/// A hash of what the key is, of which nobody can guess a secret: it has 64 bits of 256.
fn mark(kind: KeyKind, key: &DecodingKey) -> KeyMark {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(kind.to_string().as_bytes());
    match key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => context.update(bytes),
        DecodingKeyKind::RsaModulusExponent { n, e } => {
            context.update(n);
            context.update(e);
        }
    }
    KeyMark::of(context.finish().as_ref())
}

pub(crate) fn check_secret(secret: &[u8], algorithms: &[Algorithm]) -> Result<(), KeyError> {
    if secret.windows(PEM_MARK.len()).any(|part| part == PEM_MARK) {
        return Err(KeyError::PemAsSecret);
    }
    let too_short = algorithms.iter().find(|algorithm| secret.len() < algorithm.secret_bytes_min());
    too_short.map_or(Ok(()), |algorithm| {
        let (bytes, bytes_min) = (secret.len(), algorithm.secret_bytes_min());
        Err(KeyError::ShortSecret { bytes, bytes_min, algorithm: *algorithm })
    })
}

fn algorithms_for(kind: KeyKind, wanted: &[Algorithm]) -> Result<Vec<Algorithm>, KeyError> {
    let algorithms = kind.algorithms(wanted);
    match algorithms.is_empty() {
        true => Err(KeyError::NoAlgorithm { kind: kind.to_string(), wanted: wanted.to_vec() }),
        false => Ok(algorithms),
    }
}

fn list(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

const PEM_MARK: &[u8] = b"-----BEGIN";
