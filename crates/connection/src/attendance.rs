//! Who a client says it is, and where it is told of: joined by subscribing, left by any ending.

use crate::{Dialect, Refusal, Subscription, Time, Wire, request::label};
use tidewire_broker::{Broker, ChannelName, Forbidden, Grant, Label, Pattern};
use tidewire_protocol::{ErrorCode, MemberView, json_text};

/// Who a client says it is. Its own word, which nobody has checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    user: Option<Label>,
    /// The text of one JSON value.
    info: Option<Box<str>>,
}

impl Identity {
    /// Reads what a client says of itself: a name, and any JSON value, of which `null` is none.
    ///
    /// # Errors
    ///
    /// `user` is empty, over 255 bytes or holds a control character; `info` is not JSON or over
    /// [`INFO_BYTES_MAX`] bytes.
    pub fn new(user: Option<&str>, info: Option<&str>) -> Result<Self, Refusal> {
        let refuse = |message: String| Refusal::new(ErrorCode::BadRequest, message);
        let user = label("user", user)?;
        let info = info.map(json_text).transpose();
        let info = info.map_err(|error| refuse(format!("info is not JSON: {error}")))?;
        match info.filter(|info| *info != "null") {
            Some(info) if info.len() > INFO_BYTES_MAX => {
                let bytes = info.len();
                let message =
                    format!("info has {bytes} bytes; at most {INFO_BYTES_MAX} are allowed");
                Err(refuse(message))
            }
            info => Ok(Self { user, info: info.map(Into::into) }),
        }
    }

    /// This, and where it says nothing, the other.
    fn or(self, other: &Self) -> Self {
        Self {
            user: self.user.or_else(|| other.user.clone()),
            info: self.info.or_else(|| other.info.clone()),
        }
    }

    /// Its JSON as a member under `connection`'s name.
    fn as_member(&self, connection: &Label, since_ms: u64) -> Box<str> {
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

/// Where a connection is told of. Dropped, however it ends, it leaves all of that.
#[derive(Debug)]
pub(crate) struct Attendance {
    broker: Broker,
    grant: Grant,
    connection: Label,
    identity: Identity,
    /// The channels it has joined.
    channels: Vec<ChannelName>,
}

impl Attendance {
    /// Joins what a connection follows from the start, as far as its grant allows.
    ///
    /// `None` where it never will be told of: then it costs nothing.
    pub(crate) fn open(
        wire: Wire,
        subscriptions: &[Subscription],
        connection: &str,
        identity: Identity,
        grant: &Grant,
        broker: &Broker,
        time: Time,
    ) -> Option<Box<Self>> {
        if !broker.limits().rules.has_presence() {
            return None;
        }
        let (broker, connection) = (broker.clone(), connection.parse().ok()?);
        let grant = grant.clone();
        let mut this = Self { broker, grant, connection, identity, channels: Vec::new() };
        for Subscription { pattern, .. } in subscriptions {
            // Where that is not allowed it only reads; whoever opens it may refuse it instead.
            let _ = this.join(pattern, Identity::default(), time);
        }
        if wire != Wire::WebSocket(Dialect::Tidewire) {
            // It cannot subscribe to more, so who it is has been said.
            this.identity = Identity::default();
            if this.channels.is_empty() {
                return None;
            }
        }
        Some(Box::new(this))
    }

    /// Joins what is followed by name, if that channel tells who is there.
    ///
    /// What `identity` leaves open is as it was said in opening the connection.
    ///
    /// # Errors
    ///
    /// The connection's grant does not allow it.
    pub(crate) fn join(
        &mut self,
        pattern: &Pattern,
        identity: Identity,
        time: Time,
    ) -> Result<(), Forbidden> {
        let Some(channel) = joined_by(pattern, &self.broker) else { return Ok(()) };
        if self.channels.contains(&channel) {
            return Ok(());
        }
        let permit = self.grant.permit_join(&channel)?;
        let member = identity.or(&self.identity).as_member(&self.connection, time.wall_ms);
        // Without room for the news, messages are delivered all the same; the presence buffer keeps count.
        if self.broker.presence_buffer().join(&permit, &self.connection, member).is_ok() {
            self.channels.push(channel);
        }
        Ok(())
    }

    /// Leaves what is followed no longer, if it was joined.
    pub(crate) fn leave(&mut self, pattern: &Pattern) {
        let is_it = |channel: &ChannelName| channel.as_str() == pattern.as_str();
        if let Some(at) = self.channels.iter().position(is_it) {
            let channel = self.channels.swap_remove(at);
            self.broker.presence_buffer().leave(&channel, &self.connection);
        }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        for channel in &self.channels {
            self.broker.presence_buffer().leave(channel, &self.connection);
        }
    }
}

impl Subscription {
    /// The channel that is joined by following this, if it is one that tells who is there.
    pub fn joins(&self, broker: &Broker) -> Option<ChannelName> {
        joined_by(&self.pattern, broker)
    }
}

/// Only what is followed by its name is joined.
fn joined_by(pattern: &Pattern, broker: &Broker) -> Option<ChannelName> {
    pattern.as_channel().filter(|channel| broker.presence_channel(channel).is_some())
}

/// What a client may say of itself beside its name: a few fields, and not a picture.
pub const INFO_BYTES_MAX: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(user: Option<&str>, info: Option<&str>) -> String {
        Identity::new(user, info).unwrap_err().message
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
