//! Who may ask: the host that a request names, the page that sends it, and what that page may do.
//!
//! Without tokens these checks are all that stands between the pages of other sites, which anybody's
//! browser may open, and a server that this browser can reach. [`authorise`] checks each request once and
//! leaves a [`Caller`] with it. Handlers have no other way to a grant, so none can forget the check.

mod authorise;
mod caller;
mod cors;
mod host;
mod hosts;
pub(crate) mod list;
mod origin;
mod origins;

pub(crate) use authorise::{Access, authorise};
pub(crate) use caller::Caller;
pub(crate) use cors::preflight;
pub use hosts::AllowedHosts;
pub use origins::AllowedOrigins;
