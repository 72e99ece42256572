//! The three parts of a token, and its header.
//!
//! [RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1): header, claims and signature, each in
//! base64url without padding, joined by dots. Nothing here is to be trusted before the signature has been checked.

use crate::{
    algorithm::Algorithm,
    error::TokenError,
    json::{self, JsonError},
    limits::KEY_ID_BYTES_MAX,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// The parts of a token, as they were sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact<'a> {
    header: &'a str,
    claims: &'a str,
    pub(crate) signature: &'a str,
    /// What was signed: the first two parts.
    pub(crate) signed: &'a str,
}

/// What a header says, as far as it is heeded. Keys that it has inside (`jwk`, `jku`, `x5c`, `x5u`) are not:
/// <https://www.rfc-editor.org/rfc/rfc8725#section-3.10>
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    pub(crate) kind: Option<String>,
}

impl<'a> Compact<'a> {
    pub(crate) fn split(token: &'a str) -> Result<Self, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::NotCompact)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::NotCompact)?;
        if claims.contains('.') {
            return Err(TokenError::NotCompact);
        }
        Ok(Self { header, claims, signature, signed })
    }

    pub(crate) fn header(&self) -> Result<Header, TokenError> {
        let mut members = object(self.header, "header")?;
        if members.contains_key("crit") {
            return Err(TokenError::CriticalExtension);
        }
        let algorithm = match members.get("alg") {
            Some(Value::String(name)) if name.eq_ignore_ascii_case("none") => {
                return Err(TokenError::Unsigned);
            }
            Some(Value::String(name)) => name.parse().map_err(|_| TokenError::UnknownAlgorithm)?,
            _ => return Err(TokenError::UnknownAlgorithm),
        };
        let key_id = match members.remove("kid") {
            None => None,
            Some(Value::String(id)) if id.len() <= KEY_ID_BYTES_MAX => Some(id),
            Some(_) => return Err(TokenError::BadKeyId),
        };
        let kind = match members.remove("typ") {
            None => None,
            Some(Value::String(kind)) => Some(kind),
            Some(_) => return Err(TokenError::BadClaim { claim: "typ", allowed: "a text" }),
        };
        Ok(Header { algorithm, key_id, kind })
    }

    pub(crate) fn claims(&self) -> Result<Map<String, Value>, TokenError> {
        object(self.claims, "claims")
    }
}

fn object(part: &str, name: &'static str) -> Result<Map<String, Value>, TokenError> {
    // It takes one spelling only: no padding, no spare bits.
    let text = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::NotCompact)?;
    json::parse_object(&text).map_err(|error| match error {
        JsonError::NotObject => TokenError::NotJson { part: name },
        JsonError::DuplicateMember => TokenError::DuplicateMember { part: name },
    })
}
