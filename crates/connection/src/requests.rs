//! What a request means, whichever protocol it comes by: a page of history, a page of members, a poll, a publish.
//!
//! Nothing here waits for a client or writes to one; a request is read, and its answer is a value.

mod history;
mod identity;
mod long_poll;
mod page;
mod presence;
mod publish;

pub use history::{
    InvalidPageLimit, InvalidSpan, PageReading, PageRequest, Span, parse_page_limit,
};
pub(crate) use identity::joined_by;
pub use identity::{INFO_BYTES_MAX, Identity, InvalidIdentity};
pub use long_poll::LongPoll;
pub use page::{Format, Page};
pub use presence::{NoPresence, PresencePage};
pub use publish::{
    InvalidLabel, InvalidPublish, parse_event, parse_key, parse_label, prepare_publish,
};
