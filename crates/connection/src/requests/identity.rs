//! The identity of a client, as a member of the channels that it follows.

use super::publish::{InvalidLabel, parse_label};
use crate::Subscription;
use tidewire_broker::{Broker, ChannelName, Label, Pattern};
use tidewire_protocol::{MemberView, json_text};

/// Who a client says it is. The client chooses it, and it is not checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    user: Option<Label>,
    /// The text of one JSON value.
    info: Option<Box<str>>,
}

impl Identity {
    /// Parses a client's identity: a name, and any JSON value; `null` counts as no value.
    ///
    /// # Errors
    ///
    /// `user` is empty, over 255 bytes or holds a control character; `info` is not JSON or over
    /// [`INFO_BYTES_MAX`] bytes.
    pub fn new(user: Option<&str>, info: Option<&str>) -> Result<Self, InvalidIdentity> {
        let user = parse_label("user", user)?;
        let info = info.map(json_text).transpose();
        let info = info.map_err(|error| InvalidIdentity::InfoNotJson(error.to_string()))?;
        match info.filter(|info| *info != "null") {
            Some(info) if info.len() > INFO_BYTES_MAX => {
                Err(InvalidIdentity::InfoTooLong { bytes: info.len() })
            }
            info => Ok(Self { user, info: info.map(Into::into) }),
        }
    }

    /// This, and where it says nothing, the other.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self {
            user: self.user.or_else(|| other.user.clone()),
            info: self.info.or_else(|| other.info.clone()),
        }
    }

    /// Its JSON as a member under `connection`'s name.
    pub(crate) fn as_member(&self, connection: &Label, since_ms: u64) -> Box<str> {
        let member = MemberView {
            connection: connection.as_str(),
            user: self.user.as_ref().map(Label::as_str),
            info: self.info.as_deref(),
            since: since_ms,
        };
        let mut json = Vec::new();
        member.write_json(&mut json);
        String::from_utf8_lossy(&json).into()
    }
}

/// Why a client cannot be called what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentity {
    /// The name is no label.
    #[error(transparent)]
    User(#[from] InvalidLabel),
    /// `info` is not JSON, for this reason.
    #[error("info is not JSON: {0}")]
    InfoNotJson(String),
    /// More than [`INFO_BYTES_MAX`] bytes.
    #[error("info has {bytes} bytes; at most {INFO_BYTES_MAX} are allowed")]
    InfoTooLong {
        /// How many were given.
        bytes: usize,
    },
}

impl Subscription {
    /// The channel that is joined by following this, if it has presence.
    pub fn joins(&self, broker: &Broker) -> Option<ChannelName> {
        joined_by(&self.pattern, broker)
    }
}

/// Only what is followed by its name is joined.
pub(crate) fn joined_by(pattern: &Pattern, broker: &Broker) -> Option<ChannelName> {
    pattern.as_channel().filter(|channel| broker.presence_channel(channel).is_some())
}

/// What a client may say of itself beside its name: a few fields, and not a picture.
pub const INFO_BYTES_MAX: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(user: Option<&str>, info: Option<&str>) -> String {
        Identity::new(user, info).unwrap_err().to_string()
    }

    #[test]
    fn what_a_client_says_of_itself_has_its_limits() {
        let name = "x".repeat(255);
        let info = format!("{:?}", "x".repeat(INFO_BYTES_MAX - 2));
        let identity = Identity::new(Some(&name), Some(&info)).unwrap();
        assert_eq!((identity.user.unwrap().as_str(), &*identity.info.unwrap()), (&*name, &*info));
        assert_eq!(
            refused(Some(&format!("{name}x")), None),
            "user has 256 bytes; at most 255 are allowed"
        );
        assert_eq!(
            refused(None, Some(&format!("[{info}]"))),
            "info has 1026 bytes; at most 1024 are allowed"
        );
        assert!(refused(Some("a\nb"), None).starts_with("user holds a control character"));
        assert!(refused(Some(""), None).starts_with("user is empty"));
        assert!(refused(None, Some("{")).starts_with("info is not JSON: "));
        assert_eq!(Identity::new(None, Some(" null ")).unwrap(), Identity::default());
    }

    #[test]
    fn what_is_left_open_is_as_it_was_said_before() {
        let before = Identity::new(Some("u"), Some("1")).unwrap();
        let member = |identity: Identity| {
            identity.or(&before).as_member(&"c1".parse().unwrap(), 5).into_string()
        };
        let both = Identity::new(Some("v"), Some("2")).unwrap();
        assert_eq!(member(both), r#"{"connection":"c1","user":"v","info":2,"since":5}"#);
        assert_eq!(
            member(Identity::default()),
            r#"{"connection":"c1","user":"u","info":1,"since":5}"#
        );
    }
}
