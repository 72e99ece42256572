//! One connection on one channel with presence, and what it says of itself: both follow from its number.

use tidewire_broker::Draft;
use tidewire_connection::Identity;

/// One connection on one channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Membership {
    pub(crate) channel: String,
    pub(crate) connection: String,
}

/// What a connection says of itself: a user, and more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) user: Option<String>,
    pub(crate) info: Option<String>,
}

impl Membership {
    pub(crate) fn new(channel: &str, number: u64) -> Self {
        Self { channel: channel.to_owned(), connection: connection_name(number) }
    }

    /// The membership that a message in a channel of presence is about.
    pub(crate) fn of_message(channel: &str, draft: &Draft) -> Option<Self> {
        let channel = channel.strip_prefix(PREFIX)?.to_owned();
        Some(Self { channel, connection: draft.key.as_ref()?.as_str().to_owned() })
    }
}

impl Description {
    /// What a connection says when it opens, and in a request of this number.
    pub(crate) fn of(number: u64, request: Option<u64>) -> Self {
        let user = request.and_then(late_user).or(opening_user(number));
        Self { user, info: opening_info(number) }
    }
}

/// The name of a connection: no other has it, in any life of the server.
pub(crate) fn connection_name(number: u64) -> String {
    format!("c{number}")
}

/// Who a connection of this number says it is.
pub(crate) fn identity(number: u64) -> Identity {
    let (user, info) = (opening_user(number), opening_info(number));
    Identity::new(user.as_deref(), info.as_deref()).unwrap_or_default()
}

fn opening_user(number: u64) -> Option<String> {
    number.is_multiple_of(2).then(|| format!("user {}", number / 2))
}

fn opening_info(number: u64) -> Option<String> {
    number.is_multiple_of(3).then(|| format!(r#"{{"number": {number}}}"#))
}

/// Who a subscription of this number says it is, where that is another than at the opening.
pub(crate) fn late_user(request: u64) -> Option<String> {
    request.is_multiple_of(3).then(|| format!("later user {request}"))
}

/// The prefix of channels of presence.
pub(crate) const PREFIX: &str = "$presence.";
