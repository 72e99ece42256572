//! The interface over HTTP as one table: each path with its parameters, methods, answers, errors, and what a caller needs.
//!
//! The router takes from it which parameters and methods a path has, so a path that is not described cannot be added.
//! `/openapi.json` and `/asyncapi.json` are written from it.

mod asyncapi;
mod endpoint;
mod frames;
mod openapi;
mod parameters;
mod table;

pub(crate) use asyncapi::asyncapi;
pub(crate) use endpoint::Endpoint;
pub(crate) use openapi::openapi;
pub(crate) use table::*;

use bytes::Bytes;
use serde_json::Value;

/// A document as it is sent. A value of JSON can always be written.
fn written(document: &Value) -> Bytes {
    serde_json::to_vec_pretty(document).unwrap_or_default().into()
}

/// Adds a member to an object.
fn add(object: &mut Value, name: &str, member: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}

#[cfg(test)]
mod tests;
