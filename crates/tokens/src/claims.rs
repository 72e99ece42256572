//! What a token says: who the client is, until when, and the claim `tidewire` with what it may do.
//!
//! ```json
//! {"sub": "u7", "exp": 1763793600, "tidewire": {"subscribe": ["chat.*"], "history": true, "info": {"name": "Ann"}}}
//! ```

use crate::{
    error::TokenError,
    limits::{INFO_BYTES_MAX, PATTERNS_MAX, SUBJECT_BYTES_MAX},
};
use serde_json::{Map, Value};
use tidewire_names::{Pattern, did_you_mean};

/// What a token says, once its signature and times have been checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Who the client is: `sub`, at most [`SUBJECT_BYTES_MAX`] bytes.
    pub subject: Option<String>,
    /// When the token stops being accepted, in Unix milliseconds: `exp` and the leeway.
    pub expires_ms: u64,
    /// Channels that the client may subscribe to; at most [`PATTERNS_MAX`].
    pub subscribe: Vec<Pattern>,
    /// Channels that the client may publish to; at most [`PATTERNS_MAX`].
    pub publish: Vec<Pattern>,
    /// Channels whose members the client may see; at most [`PATTERNS_MAX`].
    pub presence: Vec<Pattern>,
    /// Whether the client may read messages from before it came.
    pub history: bool,
    /// Whether the client may see and do what is for the operators of a server: who is connected, its figures, a backup.
    pub admin: bool,
    /// What presence shows of the client: JSON, at most [`INFO_BYTES_MAX`] bytes.
    pub info: Option<String>,
}

impl Claims {
    /// Reads the subject and the claim `tidewire`; times and parties are the verifier's.
    ///
    /// Without the claim the client may do nothing.
    pub(crate) fn read(
        mut members: Map<String, Value>,
        expires_ms: u64,
    ) -> Result<Self, TokenError> {
        let subject = subject(members.remove("sub"))?;
        let mut claims = Self { subject, expires_ms, ..Self::default() };
        match members.remove(CLAIM) {
            None => {}
            Some(Value::Object(permissions)) => claims.read_permissions(permissions)?,
            Some(_) => return Err(TokenError::BadClaim { claim: CLAIM, allowed: AN_OBJECT }),
        }
        Ok(claims)
    }

    /// Reads the members of the claim `tidewire`.
    pub(crate) fn read_permissions(
        &mut self,
        permissions: Map<String, Value>,
    ) -> Result<(), TokenError> {
        for (name, value) in permissions {
            match name.as_str() {
                "subscribe" => self.subscribe = patterns("subscribe", value)?,
                "publish" => self.publish = patterns("publish", value)?,
                "presence" => self.presence = patterns("presence", value)?,
                "history" => self.history = truth("history", &value)?,
                "admin" => self.admin = truth("admin", &value)?,
                "info" => self.info = info(&value)?,
                _ => {
                    let meant = did_you_mean(&name, MEMBERS);
                    let name = name.chars().take(NAME_CHARS_SHOWN).collect();
                    return Err(TokenError::UnknownMember { name, meant });
                }
            }
        }
        Ok(())
    }

    /// The members of the claim `tidewire`.
    pub(crate) fn permissions(&self) -> Map<String, Value> {
        let mut permissions = Map::new();
        let lists = [
            ("subscribe", &self.subscribe),
            ("publish", &self.publish),
            ("presence", &self.presence),
        ];
        for (name, patterns) in lists.into_iter().filter(|(_, patterns)| !patterns.is_empty()) {
            permissions.insert(name.to_owned(), patterns.iter().map(Pattern::as_str).collect());
        }
        for (name, is_allowed) in [("history", self.history), ("admin", self.admin)] {
            if is_allowed {
                permissions.insert(name.to_owned(), true.into());
            }
        }
        if let Some(info) = &self.info {
            // What is no JSON is a text.
            let info = serde_json::from_str(info).unwrap_or_else(|_| info.as_str().into());
            permissions.insert("info".to_owned(), info);
        }
        permissions
    }
}

fn subject(value: Option<Value>) -> Result<Option<String>, TokenError> {
    match value {
        None => Ok(None),
        Some(Value::String(subject)) if subject.len() > SUBJECT_BYTES_MAX => {
            Err(TokenError::SubjectTooLong { bytes: subject.len() })
        }
        Some(Value::String(subject)) if !subject.is_empty() => Ok(Some(subject)),
        Some(_) => Err(TokenError::BadClaim { claim: "sub", allowed: "a text that is not empty" }),
    }
}

fn patterns(list: &'static str, value: Value) -> Result<Vec<Pattern>, TokenError> {
    let is_none = TokenError::BadClaim { claim: list, allowed: PATTERNS };
    let Value::Array(texts) = value else { return Err(is_none) };
    if texts.len() > PATTERNS_MAX {
        return Err(TokenError::TooManyPatterns { list, count: texts.len() });
    }
    let parse = |text: &Value| {
        let text = text.as_str().ok_or_else(|| is_none.clone())?;
        text.parse().map_err(|cause| TokenError::BadPattern { list, cause })
    };
    texts.iter().map(parse).collect()
}

fn truth(claim: &'static str, value: &Value) -> Result<bool, TokenError> {
    value.as_bool().ok_or(TokenError::BadClaim { claim, allowed: "true or false" })
}

fn info(value: &Value) -> Result<Option<String>, TokenError> {
    if value.is_null() {
        return Ok(None);
    }
    let info = value.to_string();
    match info.len() {
        0..=INFO_BYTES_MAX => Ok(Some(info)),
        bytes => Err(TokenError::InfoTooLong { bytes }),
    }
}

/// The one claim that is ours.
pub(crate) const CLAIM: &str = "tidewire";

const MEMBERS: [&str; 6] = ["subscribe", "publish", "presence", "history", "admin", "info"];

const AN_OBJECT: &str = "an object such as {\"subscribe\": [\"chat.*\"]}";

const PATTERNS: &str = "an array of patterns such as [\"chat.*\"]";

/// Of an unknown name; a token may be long.
const NAME_CHARS_SHOWN: usize = 32;
