//! What a Tidewire client and server say to each other: JSON shapes, positions, error and close codes.
//!
//! Only words, no conduct: this crate knows no transport, no channel's state and no clock. Names
//! come as text; whether a channel's name is a good one, the broker knows.
//!
//! ```
//! use tidewire_protocol::{Data, MessageView, Position};
//!
//! let message = MessageView {
//!     channel: "chat.room1",
//!     position: "k3f9a-1042".parse()?,
//!     time: 1_763_790_000_123,
//!     event: Some("said"),
//!     key: None,
//!     data: Data::Json(r#"{"text":"hi"}"#),
//! };
//! let mut line = Vec::new();
//! message.write_json(&mut line);
//! assert_eq!(line, br#"{"channel":"chat.room1","position":"k3f9a-1042","time":1763790000123,"event":"said","data":{"text":"hi"}}"#);
//! # Ok::<(), tidewire_protocol::InvalidPosition>(())
//! ```

mod since;

mod data;
mod message;

mod batch;
mod publish;
mod request;

mod answer;
mod event;
mod line;
mod notice;
mod page;
mod presence;

mod error_code;
mod parameters;
mod problem;

pub mod close;

mod json;
mod text;

pub use answer::ServerMessage;
pub use batch::{BatchError, BatchReader, BatchStep};
pub use data::{Data, DataError, PublishedData, json_text};
pub use error_code::{ErrorCode, UnknownErrorCode};
pub use event::{Granted, HistoryPage, Published, Reached, ServerEvent, Subscribed, Welcome};
pub use line::{Gap, GapView, Goodbye, Named, PollAnswer, PositionView, StreamLine};
pub use message::{Message, MessageView};
pub use notice::{ErrorEvent, Expiring, Unsubscribed};
pub use page::PageView;
pub use parameters::{ParameterError, Parameters};
pub use presence::{Claimed, ClaimedView, Member, MemberView, PresencePage, PresenceView};
pub use problem::Problem;
pub use publish::{
    BATCH_MESSAGES_MAX, BatchAnswer, BatchResult, ItemError, Publish, PublishAnswer, PublishBatch,
};
pub use request::{ClientMessage, History, Presence, RequestError, Subscribe, Token, Unsubscribe};
pub use serde_json::value::RawValue;
pub use since::{InvalidDuration, InvalidSince, Since, parse_duration};
pub use tidewire_names::{Bookmark, InvalidPosition, Position};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
