//! What Tidewire names by text: channels, patterns, labels, and positions in the log.
//!
//! Each type is parsed once, from the only text it has, and needs no check after that. The broker and
//! the protocol share these types, so a position that a client sends is the position that a reader
//! begins at. This crate knows no log, no message and no JSON. With the feature `serde`, positions and
//! bookmarks are strings to serde.
//!
//! ```
//! use tidewire_names::{ChannelName, Pattern, Position};
//!
//! let (room, rooms): (ChannelName, Pattern) = ("chat.room1".parse()?, "chat.*".parse()?);
//! assert!(rooms.matches(&room));
//! let position: Position = "k3f9a-1042".parse()?;
//! assert_eq!(position.to_string(), "k3f9a-1042");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod channel_name;
mod label;

mod bookmark;
mod position;

mod digits;
#[cfg(feature = "serde")]
mod strings;
mod suggestion;
mod trace_parent;

pub use bookmark::Bookmark;
pub use channel_name::{ChannelName, NAME_BYTES_MAX, NameError, PRESENCE_PATTERN, Pattern};
pub use digits::write_digits;
pub use label::{Label, LabelError};
pub use position::{InvalidPosition, Position};
pub use suggestion::did_you_mean;
pub use trace_parent::TraceParent;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
