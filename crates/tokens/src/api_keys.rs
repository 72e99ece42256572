//! API keys for servers: random texts with a prefix, of which only the hash is kept.
//!
//! A key has 256 random bits, so a fast hash is enough: it cannot be found by trying, unlike a password.
//! The list is a JSON file: `{"keys": [{"id": "…", "name": "…", "sha256": "…", "created": …, "tidewire": {…}}]}`.

use crate::{
    claims::{CLAIM, Claims},
    error::TokenError,
    json::{self, JsonError},
    verified::KeyMark,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;

/// A list of API keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeys {
    keys: Vec<ApiKey>,
}

/// An API key, without the text that is its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// By which it is revoked: the beginning of its hash.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// When it was created, in Unix milliseconds.
    pub created_ms: u64,
    /// What it may do. It has no subject, and does not expire unless it says so.
    pub claims: Claims,
    hash: [u8; 32],
}

/// Why a text is no list of API keys, or a key cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeysError {
    /// It is no JSON, or something else.
    #[error(
        "a list of API keys has to be a JSON object such as {{\"keys\": []}}; `tidewire key create` writes it"
    )]
    NotList,
    /// A member is there twice.
    #[error("the list of API keys has a member twice; each name is allowed once in an object")]
    DuplicateMember,
    /// A key is not as `tidewire key create` writes it.
    #[error("key {number} of the list of API keys: {cause}")]
    BadKey {
        /// Which one, from 1 on.
        number: usize,
        /// What is wrong.
        cause: String,
    },
    /// There are too many.
    #[error("there are {count} API keys; at most {API_KEYS_MAX} are allowed; revoke some first")]
    TooMany {
        /// How many there are, or would be.
        count: usize,
    },
    /// A name is too long, or has characters that would disturb a table.
    #[error(
        "the name of an API key has to have 1 to {NAME_BYTES_MAX} bytes and no control characters"
    )]
    BadName,
}

impl ApiKeys {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// The text is no list, or has a key that is not valid.
    pub fn parse(text: &[u8]) -> Result<Self, ApiKeysError> {
        let mut members = json::parse_object(text).map_err(|error| match error {
            JsonError::NotObject => ApiKeysError::NotList,
            JsonError::DuplicateMember => ApiKeysError::DuplicateMember,
        })?;
        let Some(Value::Array(written)) = members.remove("keys") else {
            return Err(ApiKeysError::NotList);
        };
        if written.len() > API_KEYS_MAX {
            return Err(ApiKeysError::TooMany { count: written.len() });
        }
        let parse = |(number, value)| {
            ApiKey::parse(value).map_err(|cause| ApiKeysError::BadKey { number, cause })
        };
        let keys = (1..).zip(written).map(parse).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// The list as text.
    pub fn to_json(&self) -> String {
        let keys: Vec<Value> = self.keys.iter().map(ApiKey::to_json).collect();
        format!("{:#}\n", json!({ "keys": keys }))
    }

    /// Which of them `text` is, and what it may do; `None` if it is none of them, or has expired.
    ///
    /// Hashes are compared in constant time, and with all keys.
    pub fn find(&self, text: &str, now_ms: u64) -> Option<&ApiKey> {
        if text.len() > KEY_BYTES_MAX || !text.starts_with(KEY_PREFIX) {
            return None;
        }
        let hash = hash(text);
        let mut found = None;
        for key in &self.keys {
            if bool::from(key.hash.ct_eq(&hash)) {
                found = Some(key);
            }
        }
        found.filter(|key| key.claims.expires_ms > now_ms)
    }

    /// Adds a key made of `random` bytes. Returns its text, which nothing else keeps.
    ///
    /// # Errors
    ///
    /// The name is not valid, or there are too many keys.
    pub fn create(
        &mut self,
        name: &str,
        claims: Claims,
        created_ms: u64,
        random: [u8; 32],
    ) -> Result<String, ApiKeysError> {
        if !is_name(name) {
            return Err(ApiKeysError::BadName);
        }
        if self.keys.len() >= API_KEYS_MAX {
            return Err(ApiKeysError::TooMany { count: self.keys.len() + 1 });
        }
        let text = format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
        let hash = hash(&text);
        let (id, name) = (id(&hash), name.to_owned());
        self.keys.push(ApiKey { id, name, created_ms, claims, hash });
        Ok(text)
    }

    /// Removes the key with this id, and returns it.
    pub fn revoke(&mut self, id: &str) -> Option<ApiKey> {
        let at = self.keys.iter().position(|key| key.id == id)?;
        Some(self.keys.remove(at))
    }

    /// All keys, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &ApiKey> {
        self.keys.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl ApiKey {
    /// What it is known by, beside its id.
    pub(crate) fn mark(&self) -> KeyMark {
        KeyMark::of(&self.hash)
    }

    fn parse(value: Value) -> Result<Self, String> {
        let Value::Object(mut members) = value else {
            return Err("it is not an object".to_owned());
        };
        let hash = text(&mut members, "sha256").and_then(|text| parse_hash(&text));
        let hash = hash.ok_or("sha256 has to be 64 hexadecimal digits")?;
        let name = text(&mut members, "name").filter(|name| is_name(name));
        let name = name.ok_or_else(|| ApiKeysError::BadName.to_string())?;
        let created_ms = members.remove("created").and_then(|created| milliseconds(&created));
        let created_ms = created_ms.ok_or("created has to be a time in seconds since 1970")?;
        let expires_ms = match members.remove("expires") {
            None => u64::MAX,
            Some(expires) => {
                milliseconds(&expires).ok_or("expires has to be a time in seconds since 1970")?
            }
        };
        let mut claims = Claims { expires_ms, ..Claims::default() };
        match members.remove(CLAIM) {
            Some(Value::Object(permissions)) => {
                let read = claims.read_permissions(permissions);
                read.map_err(|error: TokenError| error.to_string())?;
            }
            _ => return Err("tidewire has to be an object with what the key may do".to_owned()),
        }
        // It follows from the hash.
        members.remove("id");
        match members.keys().next() {
            Some(other) => Err(format!(
                "it has no member {:?}; there are id, name, sha256, created, expires and tidewire",
                other.chars().take(NAME_BYTES_MAX).collect::<String>()
            )),
            None => Ok(Self { id: id(&hash), name, created_ms, claims, hash }),
        }
    }

    fn to_json(&self) -> Value {
        let mut key = Map::new();
        let members = [
            ("id", json!(self.id)),
            ("name", json!(self.name)),
            ("sha256", json!(hexadecimal(&self.hash))),
            ("created", json!(self.created_ms / 1_000)),
            (CLAIM, self.claims.permissions().into()),
        ];
        key.extend(members.map(|(name, value)| (name.to_owned(), value)));
        if self.claims.expires_ms < u64::MAX {
            key.insert("expires".to_owned(), json!(self.claims.expires_ms / 1_000));
        }
        key.into()
    }
}

/// Of a time in seconds; `None` for what is not a time, or further ahead than can be counted.
fn milliseconds(seconds: &Value) -> Option<u64> {
    seconds.as_u64()?.checked_mul(1_000)
}

fn text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    match members.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control)
}

fn hash(text: &str) -> [u8; 32] {
    let digest = digest(&SHA256, text.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

/// Two keys with the same one are as likely as two that can be found by trying.
fn id(hash: &[u8; 32]) -> String {
    hexadecimal(hash).chars().take(ID_CHARS).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(hash)
}

/// How every API key begins, so that people and scanners recognise one that is where it should not be.
pub const KEY_PREFIX: &str = "tk_";

/// The most API keys: each request with one is compared with all of them.
pub const API_KEYS_MAX: usize = 1_000;

/// The prefix and 32 bytes in base64url are 46; what is much longer is not hashed.
const KEY_BYTES_MAX: usize = 128;

const NAME_BYTES_MAX: usize = 64;

/// 48 bits: among a thousand keys, two ids are the same once in half a billion lists.
const ID_CHARS: usize = 12;
