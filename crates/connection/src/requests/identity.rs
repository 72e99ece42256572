//! The identity of a client, as a member of the channels that it follows.

use super::publish::{InvalidLabel, parse_label};
use crate::Subscription;
use tidewire_broker::{Broker, ChannelName, Label, Pattern};
use tidewire_protocol::{ClaimedView, MemberView, json_text};

/// Who a client is. By its own word, which nobody checks; where clients have tokens, also by its token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    said: Described,
    /// What its token says, which may be nothing; absent where nobody has a token. Then what clients say is shown in
    /// its place.
    proven: Option<Box<Described>>,
}

/// What a client says of itself, or its token of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Described {
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
        Ok(Self { said: Described::parse(user, info)?, proven: None })
    }

    /// The same of a client of a server that checks tokens, and what its token says: nothing, if it has none or if it does
    /// not say. Other clients can then distinguish what was checked from what the client says.
    ///
    /// # Errors
    ///
    /// As for [`Identity::new`], but of what the token says.
    pub fn with_token(
        self,
        subject: Option<&str>,
        info: Option<&str>,
    ) -> Result<Self, InvalidIdentity> {
        Ok(Self { proven: Some(Box::new(Described::parse(subject, info)?)), ..self })
    }

    /// This, and where it says nothing, the other; what a token says is always that of the other.
    pub(crate) fn or(self, other: &Self) -> Self {
        let Described { user, info } = self.said;
        let said = Described {
            user: user.or_else(|| other.said.user.clone()),
            info: info.or_else(|| other.said.info.clone()),
        };
        Self { said, proven: other.proven.clone() }
    }

    /// Its JSON as a member under `connection`'s name.
    pub(crate) fn as_member(&self, connection: &Label, since_ms: u64) -> Box<str> {
        let Self { said, proven } = self;
        let (shown, claimed) = match proven {
            None => (said, ClaimedView::default()),
            Some(proven) => {
                (&**proven, ClaimedView { user: said.user(), info: said.info.as_deref() })
            }
        };
        let member = MemberView {
            connection: connection.as_str(),
            user: shown.user(),
            info: shown.info.as_deref(),
            claimed,
            since: since_ms,
        };
        let mut json = Vec::new();
        member.write_json(&mut json);
        String::from_utf8_lossy(&json).into()
    }
}

impl Described {
    fn parse(user: Option<&str>, info: Option<&str>) -> Result<Self, InvalidIdentity> {
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

    fn user(&self) -> Option<&str> {
        self.user.as_ref().map(Label::as_str)
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
        assert_eq!(
            (identity.said.user(), identity.said.info.as_deref()),
            (Some(&*name), Some(&*info))
        );
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
    fn what_a_token_says_goes_before_what_the_client_says_which_is_marked() {
        let opened = Identity::new(Some("ada"), None).unwrap();
        let opened = opened.with_token(Some("u7"), Some("{}")).unwrap();
        let member =
            |identity: &Identity| identity.as_member(&"c1".parse().unwrap(), 5).into_string();
        assert_eq!(
            member(&opened),
            r#"{"connection":"c1","user":"u7","info":{},"claimed":{"user":"ada"},"since":5}"#
        );
        let later = Identity::new(Some("root"), Some("1")).unwrap().or(&opened);
        assert_eq!(
            member(&later),
            r#"{"connection":"c1","user":"u7","info":{},"claimed":{"user":"root","info":1},"since":5}"#
        );
        let without = Identity::new(Some("u7"), None).unwrap().with_token(None, None).unwrap();
        assert_eq!(member(&without), r#"{"connection":"c1","claimed":{"user":"u7"},"since":5}"#);
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
