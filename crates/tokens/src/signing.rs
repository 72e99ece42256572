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
    id: Option<String>,
    key: EncodingKey,
}

/// What a new token is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenContent {
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`.
    pub audience: Option<String>,
    /// `typ`; `JWT` if there is none.
    pub kind: Option<String>,
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
        Ok(Self { algorithm, id: None, key })
    }

    /// A private key in PEM: PKCS #8, or PKCS #1 for RSA; for its usual algorithm if none is given.
    ///
    /// # Errors
    ///
    /// The text is no such key, or the algorithm is for keys of another kind.
    pub fn from_pem(text: &str, algorithm: Option<Algorithm>) -> Result<Self, KeyError> {
        provider::install();
        let (kind, key) = private_key(text)?;
        let algorithm = algorithm.unwrap_or(kind.usual());
        if algorithm.key_kind() != kind {
            let wanted = vec![algorithm];
            return Err(KeyError::NoAlgorithm { kind: kind.to_string(), wanted });
        }
        jwt::crypto::sign(&[], &key, algorithm.into()).map_err(|_| KeyError::Damaged)?;
        Ok(Self { algorithm, id: None, key })
    }

    /// The same key, named by `kid` in the tokens that it signs.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    /// A token that says `content`.
    ///
    /// # Errors
    ///
    /// The key cannot sign.
    pub fn sign(&self, content: &TokenContent) -> Result<String, SigningError> {
        let mut header = Header::new(self.algorithm.into());
        header.kid.clone_from(&self.id);
        if let Some(kind) = &content.kind {
            header.typ = Some(kind.clone());
        }
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

fn private_key(text: &str) -> Result<(KeyKind, EncodingKey), KeyError> {
    if text.contains("-----BEGIN EC PRIVATE KEY") {
        return Err(KeyError::OlderEcForm);
    }
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY") {
        return Err(KeyError::Encrypted);
    }
    if !text.contains("PRIVATE KEY-----") {
        return Err(KeyError::NotPrivateKey);
    }
    let pem = text.as_bytes();
    if let Ok(key) = EncodingKey::from_rsa_pem(pem) {
        return Ok((KeyKind::Rsa, key));
    }
    if let Ok(key) = EncodingKey::from_ed_pem(pem) {
        return Ok((KeyKind::Ed25519, key));
    }
    let key = EncodingKey::from_ec_pem(pem).map_err(|_| KeyError::OtherKind)?;
    // Only the curve's own algorithm takes it.
    let signs = |algorithm| jwt::crypto::sign(&[], &key, algorithm).is_ok();
    if signs(jwt::Algorithm::ES256) {
        Ok((KeyKind::P256, key))
    } else if signs(jwt::Algorithm::ES384) {
        Ok((KeyKind::P384, key))
    } else {
        Err(KeyError::OtherKind)
    }
}
