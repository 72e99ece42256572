//! Signs tokens, for trying things out and for tests.

use crate::{
    algorithm::{Algorithm, KeyKind},
    claims::{CLAIM, Claims},
    key::{KeyError, check_secret},
    provider,
};
use jsonwebtoken::{self as jwt, EncodingKey, Header};
use serde_json::{Map, Value, json};
use std::fmt;

/// A key that signs tokens.
pub struct SigningKey {
    algorithm: Algorithm,
    key: EncodingKey,
}

/// What a new token is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenContent {
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`.
    pub audience: Option<String>,
    /// `iat`, in Unix milliseconds.
    pub issued_ms: Option<u64>,
    /// The rest. Times are written in whole seconds.
    pub claims: Claims,
}

impl SigningKey {
    /// A secret, for an algorithm that uses one.
    ///
    /// # Errors
    ///
    /// The secret is shorter than the algorithm's hash, or is a PEM text, or the algorithm uses none.
    pub fn from_secret(secret: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        provider::install();
        let wanted = vec![algorithm];
        let no_algorithm = KeyError::NoAlgorithm { kind: KeyKind::Secret.to_string(), wanted };
        if algorithm.key_kind() != KeyKind::Secret {
            return Err(no_algorithm);
        }
        check_secret(secret, &[algorithm])?;
        let key = EncodingKey::from_secret(secret).map_err(|_| no_algorithm)?;
        Ok(Self { algorithm, key })
    }

    /// A token that says `content`.
    ///
    /// # Errors
    ///
    /// The key cannot sign.
    pub fn sign(&self, content: &TokenContent) -> Result<String, SigningError> {
        let header = Header::new(self.algorithm.into());
        jwt::encode(&header, &content.to_json(), &self.key).map_err(|_| SigningError)
    }
}

/// Without what is secret.
impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A key that was accepted cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot sign: it is damaged, or the system has no random numbers")]
pub struct SigningError;

impl TokenContent {
    fn to_json(&self) -> Value {
        let mut members = Map::new();
        let texts = [("iss", &self.issuer), ("aud", &self.audience), ("sub", &self.claims.subject)];
        for (name, text) in texts {
            if let Some(text) = text {
                members.insert(name.to_owned(), text.as_str().into());
            }
        }
        if let Some(issued_ms) = self.issued_ms {
            members.insert("iat".to_owned(), json!(issued_ms / 1_000));
        }
        members.insert("exp".to_owned(), json!(self.claims.expires_ms / 1_000));
        members.insert(CLAIM.to_owned(), self.claims.permissions().into());
        members.into()
    }
}
