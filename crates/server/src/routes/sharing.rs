//! Which answer of a long-poll a cache may give to several clients: that of a question which anybody may ask, and to
//! which the answer stays right.
//!
//! After a position come the same messages for everybody, and a client goes on from the position that the answer has. So
//! a cache in front may collapse the polls of thousands of clients into one. An answer without messages is not shared: a
//! client that asks again at once would get it again.

use crate::{
    access::{Identity, TICKET, TOKEN, Who},
    query::Query,
};
use actix_web::{
    HttpRequest,
    http::{Method, header},
};
use tidewire_connection::Page;
use tidewire_protocol::Since;

/// What a cache may do with an answer that may be shared: so long it may take to give it to all that wait. A client that
/// asks later gets it too, and goes on from its end.
pub(super) const SHARED: header::HeaderValue =
    header::HeaderValue::from_static("public, max-age=10");

/// Whether anybody may ask that, and all would be answered alike: without credentials, and after a position that the URL
/// has.
pub(super) fn is_for_all(request: &HttpRequest, query: &Query, identity: &Identity) -> bool {
    let headers = request.headers();
    let is_own = |name: &str| headers.contains_key(name);
    let is_named = |name: &str| query.one(name).is_some();
    let is_position = |since: &str| matches!(since.parse(), Ok(Since::After(_)));
    *request.method() == Method::GET
        && *identity.who() == Who::Anonymous
        && !OWN_HEADERS.into_iter().any(is_own)
        && !OWN_PARAMETERS.into_iter().any(is_named)
        && query.one("since").is_some_and(is_position)
}

/// Whether an answer of that content may be.
pub(super) fn may_be_shared(page: &Page) -> bool {
    page.messages().next().is_some() && page.expired_gaps() + page.unknown_gaps() == 0
}

/// Headers of one client, of which a cache knows nothing.
const OWN_HEADERS: [&str; 3] = ["authorization", "cookie", "last-event-id"];
const OWN_PARAMETERS: [&str; 6] = [TOKEN, TICKET, "user", "info", "lastEventId", "Last-Event-ID"];
