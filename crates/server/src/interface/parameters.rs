//! What the parameters of queries, paths and headers mean, and an example of each.

use super::add;
use serde_json::{Value, json};

/// A parameter as it is described, wherever it is taken.
pub(super) struct Parameter {
    name: &'static str,
    description: &'static str,
    schema: Schema,
    example: &'static str,
}

/// What values are like.
enum Schema {
    Text,
    /// A channel or pattern: several of them, each as a parameter of its own.
    Channels,
    Channel,
    Position,
    Count,
    OneOf(&'static [&'static str]),
}

impl Parameter {
    /// The parameter of that name, if it is described: for that path alone, or for all.
    pub(super) fn named(path: &str, name: &str) -> Option<&'static Self> {
        let own = format!("{path} {name}");
        let find = |wanted: &str| PARAMETERS.iter().find(|parameter| parameter.name == wanted);
        find(&own).or_else(|| find(name))
    }

    /// The object in OpenAPI, for a place such as `query`.
    pub(super) fn describe(&self, place: &str) -> Value {
        let mut value = json!({
            "name": self.name.rsplit(' ').next(),
            "in": place,
            "description": self.description,
            "schema": self.schema.describe(),
            "example": match self.schema {
                Schema::Channels => json!([self.example]),
                Schema::Count => json!(self.example.parse::<u64>().unwrap_or_default()),
                _ => json!(self.example),
            },
        });
        if place == "path" {
            add(&mut value, "required", json!(true));
        }
        value
    }
}

impl Schema {
    fn describe(&self) -> Value {
        match self {
            Self::Text => json!({"type": "string"}),
            Self::Channels => json!({
                "type": "array",
                "items": {"$ref": "#/components/schemas/Pattern"},
            }),
            Self::Channel => json!({"$ref": "#/components/schemas/Channel"}),
            Self::Position => json!({"$ref": "#/components/schemas/Since"}),
            Self::Count => json!({"type": "integer", "minimum": 1}),
            Self::OneOf(values) => json!({"type": "string", "enum": values}),
        }
    }
}

macro_rules! parameters {
    ($($name:literal $schema:expr, $example:literal, $description:literal;)*) => {
        &[$(Parameter { name: $name, description: $description, schema: $schema, example: $example }),*]
    };
}

static PARAMETERS: &[Parameter] = parameters! {
    "channel" Schema::Channels, "chat.room1",
        "A channel, or a pattern: `*` is one token, a final `>` the rest. May be given several times; `lobby` by default";
    "since" Schema::Position, "earliest",
        "Where to begin: `now`, `earliest`, a position, a time in milliseconds since 1970 (`@1763790000123`), or how long ago (`10m`)";
    "lastEventId" Schema::Text, "mws2fei1-1",
        "The same as the header `Last-Event-ID`, for polyfills of `EventSource`; goes before `since`";
    "Last-Event-ID" Schema::Text, "mws2fei1-1",
        "The id of the last event that was received; goes before `since`";
    "format" Schema::OneOf(&["raw", "json"]), "json",
        "Whether messages are payloads alone, or JSON with channel, position and the rest";
    "heartbeat" Schema::OneOf(&["event"]), "event",
        "A heartbeat is an event that scripts can see, instead of a block without data";
    "wait" Schema::Text, "0s", "How long to wait for a message, such as `25s`";
    "user" Schema::Text, "ada",
        "Who the client says it is, in channels with presence; in the list of connections, only those of this user";
    "transport" Schema::OneOf(&["sse", "ws", "stream"]), "sse", "Only connections by this transport";
    "info" Schema::Text, "{\"colour\":\"red\"}",
        "What else the client says of itself in channels with presence: any JSON value";
    "event" Schema::Text, "said", "An event name, by which an `EventSource` listens";
    "key" Schema::Text, "u7", "A key, by which compacted channels keep the last value";
    "idempotency_key" Schema::Text, "order-17",
        "A message id: a repeat within the channel's window is not published again";
    "Event" Schema::Text, "said", "The same as the parameter `event`";
    "Key" Schema::Text, "u7", "The same as the parameter `key`";
    "Idempotency-Key" Schema::Text, "order-18", "The same as the parameter `idempotency_key`";
    "Traceparent" Schema::Text, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "The span that publishes (W3C Trace Context), for a build with OpenTelemetry; what is not valid is ignored";
    "pattern" Schema::Text, "chat.>", "Only channels that this pattern matches";
    "limit" Schema::Count, "20", "How many to return at most";
    "after" Schema::Text, "chat.room1", "Only what comes after this: the `next` of the page before";
    "/connections after" Schema::Text, "7-0-12-57", "Only what comes after this: the `next` of the page before";
    "before" Schema::Position, "now", "The newest messages before this place";
    "until" Schema::Position, "now", "Only messages before this place, the oldest first";
    "v" Schema::Text, "1", "A version, by which pages bypass a cache; it has no meaning here";
};

/// What stands in braces in a path.
pub(super) static IN_PATHS: &[Parameter] = parameters! {
    "channel" Schema::Channel, "chat.room1", "A channel; for pages of history also a pattern";
    "id" Schema::Text, "0-12-57",
        "The id of a connection: for a renewal the secret one of its client, for operators the one in the list";
    "position" Schema::Text, "mws2fei1-1", "The position of a message";
    "name" Schema::Text, "tidewire.js", "A file of the page";
};

/// A parameter of a path by its name.
pub(super) fn in_path(name: &str) -> Option<&'static Parameter> {
    IN_PATHS.iter().find(|parameter| parameter.name == name)
}
