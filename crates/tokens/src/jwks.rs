//! Key sets: `{"keys": [{"kty": "RSA", "kid": "a", "n": "…", "e": "AQAB"}, …]}`, [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517).
//!
//! Keys of other kinds or for other uses are skipped, as §5 asks. Everything is bounded, because a set may come from
//! a server that has been taken over.

use crate::{
    algorithm::{Algorithm, KeyKind},
    json::{self, JsonError},
    key::Key,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// Where a set comes from, which decides what it may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetOrigin {
    /// A file of this machine: it may contain secrets.
    File,
    /// A URL, which others can read: secrets and private keys there are compromised.
    Url,
}

/// The keys of a set that can verify tokens.
#[derive(Clone, Debug)]
pub struct KeySet {
    /// At least one, at most [`KEYS_MAX`].
    pub keys: Vec<Key>,
    /// Why others are not among them.
    pub skipped: Vec<SkippedKey>,
}

/// A key of a set that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its `kid`, shortened.
    pub id: Option<String>,
    /// Why.
    pub reason: String,
}

/// Why a text is no key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It has more bytes than [`KEY_SET_BYTES_MAX`].
    #[error("the key set has {bytes} bytes; at most {KEY_SET_BYTES_MAX} are allowed")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// It is no JSON, or something else.
    #[error("a key set has to be a JSON object such as {{\"keys\": [{{\"kty\": \"RSA\", …}}]}}")]
    NotKeySet,
    /// A member is there twice.
    #[error("the key set has a member twice; each name is allowed once in an object")]
    DuplicateMember,
    /// It has too many keys.
    #[error("the key set has {count} keys; at most {KEYS_MAX} are allowed")]
    TooMany {
        /// How many it has.
        count: usize,
    },
    /// None of its keys can verify a token.
    #[error("none of the {} keys of the set can be used{}", skipped.len(), first(skipped))]
    NoneUsable {
        /// Why not.
        skipped: Vec<SkippedKey>,
    },
}

impl KeySet {
    /// Reads the keys that are for any of `algorithms`; if that is empty, for the usual one of their kind.
    ///
    /// # Errors
    ///
    /// The text is too long or no key set, or none of its keys can be used.
    pub fn parse(
        text: &[u8],
        algorithms: &[Algorithm],
        origin: KeySetOrigin,
    ) -> Result<Self, KeySetError> {
        if text.len() > KEY_SET_BYTES_MAX {
            return Err(KeySetError::TooLong { bytes: text.len() });
        }
        let mut members = json::parse_object(text).map_err(|error| match error {
            JsonError::NotObject => KeySetError::NotKeySet,
            JsonError::DuplicateMember => KeySetError::DuplicateMember,
        })?;
        let Some(Value::Array(written)) = members.remove("keys") else {
            return Err(KeySetError::NotKeySet);
        };
        if written.len() > KEYS_MAX {
            return Err(KeySetError::TooMany { count: written.len() });
        }
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for key in &written {
            match WrittenKey::new(key).and_then(|key| key.read(algorithms, origin)) {
                Ok(key) => keys.push(key),
                Err(reason) => skipped.push(SkippedKey { id: shown_id(key), reason }),
            }
        }
        match keys.is_empty() {
            true => Err(KeySetError::NoneUsable { skipped }),
            false => Ok(Self { keys, skipped }),
        }
    }
}

/// A key as it stands in a set.
struct WrittenKey<'a>(&'a Map<String, Value>);

impl<'a> WrittenKey<'a> {
    fn new(value: &'a Value) -> Result<Self, String> {
        value.as_object().map(Self).ok_or_else(|| "it is not an object".to_owned())
    }

    fn read(&self, algorithms: &[Algorithm], origin: KeySetOrigin) -> Result<Key, String> {
        self.check_use()?;
        let kind = self.kind()?;
        let is_public = origin == KeySetOrigin::Url;
        if is_public && (kind == KeyKind::Secret || self.0.contains_key("d")) {
            return Err("it is secret, and anybody can read it there".to_owned());
        }
        let algorithms = self.algorithms(kind, algorithms)?;
        let key = match kind {
            KeyKind::Secret => Key::from_secret(&self.bytes("k")?, &algorithms),
            KeyKind::Rsa => Key::from_rsa(&self.bytes("n")?, &self.bytes("e")?, &algorithms),
            KeyKind::P256 | KeyKind::P384 => {
                Key::from_point(kind, &self.bytes("x")?, &self.bytes("y")?, &algorithms)
            }
            KeyKind::Ed25519 => Key::from_ed25519(&self.bytes("x")?, &algorithms),
        };
        let key = key.map_err(|error| error.to_string())?;
        Ok(match self.text("kid")? {
            Some(id) => key.with_id(id),
            None => key,
        })
    }

    /// [RFC 7517 §4.2 and §4.3](https://www.rfc-editor.org/rfc/rfc7517#section-4.2).
    fn check_use(&self) -> Result<(), String> {
        if self.text("use")?.is_some_and(|purpose| purpose != "sig") {
            return Err("its use is not sig".to_owned());
        }
        let is_verifying = |operations: &Value| {
            operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
        };
        match self.0.get("key_ops").is_none_or(is_verifying) {
            true => Ok(()),
            false => Err("its key_ops do not include verify".to_owned()),
        }
    }

    fn kind(&self) -> Result<KeyKind, String> {
        match (self.text("kty")?, self.text("crv")?) {
            (Some("RSA"), _) => Ok(KeyKind::Rsa),
            (Some("EC"), Some("P-256")) => Ok(KeyKind::P256),
            (Some("EC"), Some("P-384")) => Ok(KeyKind::P384),
            (Some("OKP"), Some("Ed25519")) => Ok(KeyKind::Ed25519),
            (Some("oct"), _) => Ok(KeyKind::Secret),
            _ => {
                Err("it is of another kind than RSA, EC on P-256 or P-384, and Ed25519".to_owned())
            }
        }
    }

    /// Those that it says it is for, or that are wanted of its kind.
    fn algorithms(&self, kind: KeyKind, wanted: &[Algorithm]) -> Result<Vec<Algorithm>, String> {
        let Some(name) = self.text("alg")? else { return Ok(wanted.to_vec()) };
        let stated =
            name.parse::<Algorithm>().map_err(|_| "its alg is not supported".to_owned())?;
        if stated.key_kind() != kind {
            return Err("its alg is for keys of another kind".to_owned());
        }
        match wanted.is_empty() || wanted.contains(&stated) {
            true => Ok(vec![stated]),
            false => Err(format!("its alg is {stated}, which is not among the allowed algorithms")),
        }
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, String> {
        let text = self.text(name)?.ok_or_else(|| format!("it has no {name}"))?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("its {name} is not base64url"))
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("its {name} is not a text")),
        }
    }
}

fn shown_id(key: &Value) -> Option<String> {
    let id = key.get("kid")?.as_str()?;
    Some(id.chars().filter(|character| !character.is_control()).take(ID_CHARS_SHOWN).collect())
}

fn first(skipped: &[SkippedKey]) -> String {
    skipped.first().map_or_else(String::new, |key| format!(": of the first, {}", key.reason))
}

/// The longest set; those of large providers have some 10 KiB.
pub const KEY_SET_BYTES_MAX: usize = 256 << 10;

/// The most keys of a set; providers have fewer than ten.
pub const KEYS_MAX: usize = 64;

const ID_CHARS_SHOWN: usize = 64;
