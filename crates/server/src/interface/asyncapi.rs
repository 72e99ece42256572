//! Streams and WebSockets as a document of AsyncAPI 3.0, from the table of frames and that of paths.
//!
//! [AsyncAPI 3.0](https://www.asyncapi.com/docs/reference/specification/v3.0.0)

use super::{
    EVENTS, STREAM, WS,
    endpoint::Endpoint,
    frames::{ANSWERS, Frame, NOTICES, REQUESTS},
    openapi,
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The document, made once.
pub(crate) fn asyncapi() -> Bytes {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| super::written(&document()));
    DOCUMENT.clone()
}

pub(super) fn document() -> Value {
    let mut messages = Map::new();
    let mut channels = Map::new();
    let mut operations = Map::new();
    for channel in CHANNELS {
        let mut names = Map::new();
        for (direction, frames) in [("receive", channel.received), ("send", channel.sent)] {
            let mut references = Vec::new();
            for frame in frames {
                let key = format!("{}_{direction}_{}", channel.name, frame.name);
                messages.insert(key.clone(), message(frame));
                names.insert(key.clone(), json!({"$ref": format!("#/components/messages/{key}")}));
                references
                    .push(json!({"$ref": format!("#/channels/{}/messages/{key}", channel.name)}));
            }
            if !references.is_empty() {
                let operation = json!({
                    "action": direction,
                    "channel": {"$ref": format!("#/channels/{}", channel.name)},
                    "messages": references,
                });
                operations.insert(format!("{direction}_{}", channel.name), operation);
            }
        }
        let described = json!({
            "address": channel.endpoint.path,
            "summary": channel.summary,
            "messages": names,
        });
        channels.insert(channel.name.to_owned(), described);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tidewire",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a server sends on streams and WebSockets, and what clients send on `tidewire.v1`. \
                Requests are described in `/openapi.json`.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": openapi::schemas()},
    })
}

/// A way to follow channels.
struct Channel {
    name: &'static str,
    endpoint: &'static Endpoint,
    summary: &'static str,
    /// What the server receives.
    received: &'static [Frame],
    /// What the server sends.
    sent: &'static [Frame],
}

static CHANNELS: &[Channel] = &[
    Channel {
        name: "events",
        endpoint: &EVENTS,
        summary: "Server-Sent Events. A message is an event with its position as the id; a notice is an event named by `$` and its type",
        received: &[],
        sent: NOTICES,
    },
    Channel {
        name: "stream",
        endpoint: &STREAM,
        summary: "NDJSON. A message is a line without `type`, and so is `{\"position\":…}`; a notice is a line with its type",
        received: &[],
        sent: NOTICES,
    },
    Channel {
        name: "webSocket",
        endpoint: &WS,
        summary: "A raw WebSocket, without a subprotocol: messages as payloads, or with `format=json` as lines of NDJSON. What a client \
            sends is published to the one channel that it follows",
        received: &[],
        sent: NOTICES,
    },
    Channel {
        name: "tidewire_v1",
        endpoint: &WS,
        summary: "A WebSocket with the subprotocol `tidewire.v1`",
        received: REQUESTS,
        sent: ANSWERS,
    },
];

fn message(frame: &Frame) -> Value {
    let example = |text| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (least, most) = (example(frame.least), example(frame.most));
    let required: Vec<_> = members(&least).map(|(name, _)| name).collect();
    let properties: Map<_, _> = members(&most)
        .map(|(name, value)| (name.clone(), schema(name, value, frame.name)))
        .collect();
    json!({
        "name": frame.name,
        "summary": frame.summary,
        "payload": {"type": "object", "required": required, "properties": properties},
        "examples": [{"payload": least}, {"payload": most}],
    })
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// What a member of that name is like, of which `example` is one.
fn schema(name: &str, example: &Value, frame_name: &str) -> Value {
    let reference = |schema| json!({"$ref": format!("#/components/schemas/{schema}")});
    match (name, example) {
        ("type", _) => json!({"const": frame_name}),
        // Whatever an application puts there.
        ("data" | "info", _) => json!({}),
        ("position" | "to", _) => reference("Position"),
        ("since", _) => reference("Since"),
        (_, Value::String(_)) => json!({"type": "string"}),
        (_, Value::Number(_)) => json!({"type": "integer"}),
        (_, Value::Bool(_)) => json!({"type": "boolean"}),
        (_, Value::Array(_)) => json!({"type": "array"}),
        _ => json!({}),
    }
}
