//! The Tidewire broker: one ordered log, channels as filters on it, subscribers as cursors.
//!
//! A [`Broker`] gives every message a [`Position`] in one sequence. A [`Reader`] has cursors and finds the messages that
//! match its patterns after its position, up to a number of bytes. Live delivery, catching up, resuming and history are
//! that same read. In a [`Lane`], the idle readers of one worker thread wait for something to read.
//!
//! The crate knows nothing of runtimes, sockets, transports, JSON or tokens; time is a parameter.
//!
//! ```
//! use tidewire_broker::{Broker, Content, Draft, Gathered, Grant, Limits, Reader, Start};
//!
//! let (broker, grant) = (Broker::new(7, Limits::default()), Grant::open());
//! let permit = grant.permit(&"lobby".parse().unwrap()).unwrap();
//! let draft = Draft::new(Content::Text("hello".into()));
//! broker.append(permit, draft, 1_000).unwrap();
//!
//! let permit = grant.permit_subscribe(&"lobby".parse().unwrap()).unwrap();
//! let mut reader = Reader::default();
//! reader.follow(&broker, &[permit], Start::Earliest(grant.permit_history().unwrap()));
//! let mut gathered = Gathered::default();
//! reader.gather(&broker, broker.head(), 64 << 10, &mut gathered);
//! assert_eq!(gathered.messages().next().unwrap().content(), &Content::Text("hello".into()));
//! ```
#![cfg_attr(test, allow(clippy::as_conversions))]

mod pattern_map;
mod sync;

mod account;
mod charge;
mod dedup_window;
mod draft;
mod keys;
mod memory_gauge;
mod message;
mod ring;

mod channel;
mod hash_index;
mod offset_index;
mod registry;
mod sequencer;

mod append;
mod append_error;
mod archive;
mod broker;
mod check;
mod engine;
mod forbidden;
mod grant;
mod limits;
mod options;
mod order;
mod permit;
mod places;
mod read_ahead;
mod read_context;
mod rules;
mod stretch;
mod sweep;
mod system;
mod validation;

mod back;
mod channel_read;
mod cursor;
mod first_place;
mod followed;
mod gather;
mod gathered;
mod listing;
mod live;
mod reader;
mod scan;
mod scanning;
mod walk;

mod presence;
mod presence_buffer;
mod presence_flush;

mod lane;
mod lane_port;
mod lanes;
mod news;
mod waiter_set;
mod waiters;

pub use account::{HeldId, IdAccount};
pub use append::{OutOfOrder, hold};
pub use append_error::{AppendError, DraftError, EngineError, QuotaError};
pub use archive::{Archive, ArchiveRead, LossKind, Messages};
pub use back::Search;
pub use broker::{Broker, ChannelSummary, Stats};
pub use charge::Charge;
pub use dedup_window::{DedupOutcome, DedupWindow, IDS_MAX, digest};
pub use draft::{Content, Draft, Entry};
pub use engine::{Engine, MemoryEngine, Publishing};
pub use forbidden::{Action, Forbidden};
pub use gathered::{Gap, Gathered, Item};
pub use grant::{Grant, Permissions};
pub use keys::key_cost_bytes;
pub use lane::Lane;
pub use lanes::TooManyLanes;
pub use limits::Limits;
pub use message::Message;
pub use news::News;
pub use options::{Compaction, Options, Publishers, Repeats, Retention, SlowReaders};
pub use pattern_map::PatternMap;
pub use permit::{HistoryPermit, JoinPermit, Permit, PresencePermit, SubscribePermit};
pub use presence_buffer::{PresenceBuffer, PresenceBufferFull, PresenceChange};
pub use presence_flush::PresenceFlush;
pub use read_context::{PendingRead, PendingReads, ReadContext};
pub use reader::{Found, Reader, Start, Started};
pub use rules::{Rule, Rules};
pub use stretch::Stretch;
pub use system::SystemChannel;
#[cfg(feature = "traces")]
pub use tidewire_names::TraceParent;
pub use tidewire_names::{
    Bookmark, ChannelName, InvalidPosition, Label, LabelError, NAME_BYTES_MAX, NameError, Pattern,
    Position,
};
pub use waiters::WaiterId;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
