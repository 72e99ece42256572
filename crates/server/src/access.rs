//! Who may ask: the host that a request names, the page that sends it, and what that page may do.
//!
//! [`authorise`] checks each request once. It leaves a [`Caller`] with it, the page that sends it, and an [`Identity`],
//! whom its credentials name. Handlers have no other way to a grant than both together, so none can forget a check.

mod admin;
mod anonymous;
mod authenticator;
mod authorise;
mod caller;
mod cors;
mod credential_error;
mod credentials;
mod host;
mod hosts;
mod identity;
pub(crate) mod list;
mod middleware;
mod monitor;
mod monitoring;
mod origin;
mod origins;
mod peer;
mod sender;

pub(crate) use admin::AdminPermit;
pub use anonymous::Anonymous;
pub(crate) use authenticator::{Authenticator, Policy};
pub use authenticator::{CookieName, TokensInQuery};
use authorise::authorise;
pub(crate) use authorise::{Access, SharedAccess};
pub(crate) use caller::Caller;
pub(crate) use cors::preflight;
pub(crate) use credential_error::CredentialError;
pub(crate) use credentials::{TICKET, TOKEN};
pub use hosts::AllowedHosts;
pub(crate) use identity::{Identity, Who};
pub(crate) use middleware::Authorise;
pub(crate) use monitor::check_monitor;
pub use monitoring::Monitoring;
pub use origins::AllowedOrigins;
pub(crate) use peer::{Proxies, client_address};
pub(crate) use sender::{MaybeIdentity, subject};
