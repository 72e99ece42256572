//! The port between a connection and the protocol that its client speaks.
//!
//! A [`Dialect`] reads bytes into commands, and writes what the connection says. When to read, what a command does and
//! when something is said is the connection's. Implementations are in `dialects`, one a file; how to add one is in
//! ARCHITECTURE.md.

use crate::{
    Credential, Encoding, Ending, GapNotice, Identity, Limits, Page, PageRequest, PresencePage,
    Refusal, Subscription,
};
use std::fmt;
use tidewire_broker::{Broker, Draft, Grant, Pattern, Permit, Position, PresencePermit};
use tidewire_protocol::Since;

/// What a protocol has to provide. Only four methods are required, for a protocol whose clients only listen.
///
/// Each `write_*` appends to `output`, and may append nothing if the protocol has no word for it. No method is called
/// for a message that is delivered: its bytes come from [`Profile::encoding`], once for all connections.
pub trait Dialect: fmt::Debug {
    /// What the connection has to know of the protocol. Asked once, when the connection opens.
    fn profile(&self) -> Profile;

    /// Takes in what is being opened, and writes what comes before anything else.
    fn open(&mut self, _opened: &Opened<'_>, _output: &mut Vec<u8>) {}

    /// Writes the position at which the connection begins, after the gaps that it begins with.
    fn write_start(&mut self, _opened: &Opened<'_>, _output: &mut Vec<u8>) {}

    /// Writes that messages are gone for this client.
    fn write_gap(&self, gap: &GapNotice<'_>, output: &mut Vec<u8>);

    /// Writes that the server has ended the subscription to `pattern`, and why. The others go on.
    fn write_unsubscribed(&self, pattern: &Pattern, refusal: &Refusal, output: &mut Vec<u8>);

    /// Writes that what the client may do expires in `in_ms` milliseconds.
    fn write_expiring(&self, _in_ms: u64, _output: &mut Vec<u8>) {}

    /// Writes that there was nothing to deliver up to `position`.
    fn write_heartbeat(&self, _position: Position, _limits: &Limits, _output: &mut Vec<u8>) {}

    /// Writes a question that the client has to answer to show that it is there.
    fn write_ping(&self, _output: &mut Vec<u8>) {}

    /// Writes the answer to a command.
    fn write_reply(&self, _reply: &Reply<'_>, _broker: &Broker, _output: &mut Vec<u8>) {}

    /// Writes the last thing that the server says.
    fn write_ending(&mut self, ending: &Ending<'_>, retry_ms: u64, output: &mut Vec<u8>);

    /// Takes the next command off the front of `input`; `None` if it has not arrived whole. Bytes left in `input` come
    /// again, in front of those that arrive next.
    ///
    /// What it writes to `output` is the transport's own, such as the answer to a ping, and no script of a client sees
    /// it. `grant` is what the client may do now: it makes the permit of a publish or a page.
    fn decode(
        &mut self,
        input: &mut &mut [u8],
        _grant: &Grant,
        _output: &mut Vec<u8>,
    ) -> Option<Command> {
        *input = &mut [];
        None
    }

    /// Bytes of input that it holds: of a command that has not arrived whole.
    fn held_bytes(&self) -> usize {
        0
    }

    /// Drops the command that has not arrived whole, to free its memory. The connection ends after that.
    fn drop_partial(&mut self) {}
}

/// What a connection has to know of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// How messages are written.
    pub encoding: &'static Encoding,
    /// What a client may send.
    pub input: Input,
    /// Whether [`Dialect::write_heartbeat`] writes something.
    pub has_heartbeat: bool,
}

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Nothing: the connection is a response without end.
    Nothing,
    /// Publishes alone. None is answered but by its echo, and a refusal that is final ends the connection.
    Publishes,
    /// Commands, each of which is answered.
    Commands,
}

impl Input {
    /// Whether the client sends something: then it has to answer pings and the server's last words.
    pub(crate) fn is_some(self) -> bool {
        self != Self::Nothing
    }
}

/// What is being opened.
#[derive(Clone, Copy, Debug)]
pub struct Opened<'a> {
    /// The connection's name.
    pub connection: &'a str,
    /// The server's version.
    pub version: &'a str,
    /// What it follows from the start.
    pub subscriptions: &'a [Subscription],
    /// After which position it is delivered everything.
    pub position: Position,
    /// By which secret name the client reaches this connection from outside, to renew its grant.
    pub renewal_id: Option<&'a str>,
    /// The log, for the options of a channel.
    pub broker: &'a Broker,
    /// The bounds of the connection.
    pub limits: &'a Limits,
}

/// What a client wants done. `id` is the client's number for it.
#[derive(Debug)]
#[expect(missing_docs, reason = "what is not said of a field here is said of its type")]
pub enum Command {
    /// Nothing more: a part has arrived, or the dialect has answered by itself.
    Continue,
    /// To publish. Without `wants_echo` the message is not delivered to this connection.
    Publish { publish: PendingPublish, wants_echo: bool },
    /// To follow a channel or pattern, as a member of what has presence.
    Subscribe { id: u64, subscription: Subscription, identity: Identity },
    /// To follow it no longer.
    Unsubscribe { id: u64, pattern: Pattern },
    /// To read a page of history.
    History { id: u64, request: PageRequest },
    /// To read a page of the members of a channel; see [`PresencePage::request`].
    Presence { id: u64, permit: PresencePermit, since: Option<Since>, limit: Option<usize> },
    /// To learn by a credential what the client may do from now on.
    Authenticate { id: Option<u64>, credential: Credential },
    /// Something that cannot be done, or not be understood.
    Refuse { id: Option<u64>, refusal: Refusal },
    /// Something that the protocol does not allow. These are the last bytes for the client; they wait until it has been
    /// delivered what it published before.
    Close(Vec<u8>),
    /// To end the connection.
    Leave,
}

impl Command {
    /// The client's number for it, if it has one.
    pub(crate) fn id(&self) -> Option<u64> {
        match self {
            Self::Publish { publish, .. } => publish.id,
            Self::Subscribe { id, .. }
            | Self::Unsubscribe { id, .. }
            | Self::History { id, .. }
            | Self::Presence { id, .. } => Some(*id),
            Self::Authenticate { id, .. } | Self::Refuse { id, .. } => *id,
            Self::Continue | Self::Close(_) | Self::Leave => None,
        }
    }
}

/// A publish that a client has asked for.
#[derive(Debug)]
pub struct PendingPublish {
    /// The client's number for it, if it wants an answer.
    pub id: Option<u64>,
    /// Proof that it may.
    pub permit: Permit,
    /// What to publish.
    pub draft: Draft,
}

/// The answer to a command, under the number that the client gave the command.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "what is not said of a field here is said of its type")]
pub enum Reply<'a> {
    /// It follows `pattern`, exactly from after `position`.
    Subscribed { id: u64, pattern: &'a Pattern, position: Position },
    /// It no longer follows `pattern`.
    Unsubscribed { id: u64, pattern: &'a Pattern },
    /// The message is in the log.
    Published { id: u64, position: Position },
    /// The credential was accepted; what it allows expires in that many milliseconds.
    Granted { id: u64, expires_in_ms: Option<u64> },
    /// A page of history.
    History { id: u64, page: &'a Page },
    /// A page of members.
    Presence { id: u64, page: &'a PresencePage },
    /// The command was refused.
    Refused { id: Option<u64>, refusal: &'a Refusal },
}
