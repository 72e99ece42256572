//! The table: one constant for each path, and the list of all.
//!
//! A new path is a constant here, an entry of [`ENDPOINTS`], and a line in `routes`.

use super::endpoint::{Answer, Body, Content, Endpoint, Needs, Operation};
use crate::access::{TICKET, TOKEN};
use tidewire_protocol::ErrorCode::{
    BadChannel, BadData, BadPosition, BadRequest, Conflict, InsufficientStorage, NotFound,
    Overloaded, PayloadTooLarge, StateFull, TooManySubscriptions, Unavailable, Unsupported,
    UpgradeRequired,
};

/// Every path, in the order in which documents list them.
pub(crate) static ENDPOINTS: &[&Endpoint] = &[
    &PUBLISH_ONE,
    &PUBLISH,
    &EVENTS,
    &STREAM,
    &POLL,
    &WS,
    &ROOT,
    &TICKETS,
    &RENEWAL,
    &CHANNELS,
    &MESSAGES,
    &PRESENCE,
    &LIVE,
    &READY,
    &REQUEST,
    &VERSION,
    &CONNECTIONS,
    &DISCONNECT,
    &REACH,
    &METRICS,
    &BACKUP,
    &RELOAD,
    &OPENAPI,
    &ASYNCAPI,
    &ASSET,
    &FAVICON,
];

pub(crate) static PUBLISH_ONE: Endpoint = Endpoint {
    path: "/publish/{channel}",
    parameters: PUBLISHING,
    operations: &[Operation {
        method: "POST",
        id: "publish",
        summary: "Publish the body as one message",
        description: "`Content-Type` says what the payload is: JSON, text, or else binary data. An empty body with a key removes the \
            key from a compacted channel.",
        needs: Needs::Publish,
        headers: &["Event", "Key", "Idempotency-Key", "Traceparent"],
        body: Some(Body {
            media_types: &["text/plain", "application/json", "application/octet-stream"],
            schema: "Payload",
            example: "\"hi\"",
        }),
        answer: json("The position of the message", "Published"),
        errors: PUBLISH_ERRORS,
    }],
};

pub(crate) static PUBLISH: Endpoint = Endpoint {
    path: "/publish",
    // A batch takes none of them, and says where they belong.
    parameters: PUBLISHING,
    operations: &[Operation {
        method: "POST",
        id: "publishBatch",
        summary: "Publish several messages",
        description: "They are published in their order, and each has a result of its own. A batch takes no parameters but `token`.",
        needs: Needs::Token,
        headers: &["Traceparent"],
        body: Some(Body {
            media_types: &["application/json"],
            schema: "Batch",
            example: r#"{"messages":[{"channel":"chat.room1","data":1},{"channel":"chat.room2","data":"two"}]}"#,
        }),
        answer: json("The results, in the order of the messages", "BatchResults"),
        errors: PUBLISH_ERRORS,
    }],
};

pub(crate) static EVENTS: Endpoint = Endpoint {
    path: "/events",
    parameters: EVENT_PARAMETERS,
    operations: &[
        Operation {
            method: "GET",
            id: "events",
            summary: "Subscribe with Server-Sent Events",
            description: "",
            headers: &["Last-Event-ID"],
            body: None,
            ..EVENTS_BY_BODY
        },
        Operation { method: "POST", id: "eventsByPost", ..EVENTS_BY_BODY },
        Operation { method: "QUERY", id: "eventsByQuery", ..EVENTS_BY_BODY },
    ],
};

const EVENTS_BY_BODY: Operation = Operation {
    method: "POST",
    id: "",
    summary: "Subscribe with Server-Sent Events, by parameters in the body",
    description: BY_BODY,
    needs: Needs::Subscribe,
    headers: &[],
    body: Some(BODY),
    answer: items("Events, until either side ends the response", "text/event-stream", "Event"),
    errors: SUBSCRIBE_ERRORS,
};

pub(crate) static STREAM: Endpoint = Endpoint {
    path: "/stream",
    parameters: SUBSCRIBING,
    operations: &[
        Operation {
            method: "GET",
            id: "stream",
            summary: "Subscribe with a stream of lines",
            description: "",
            headers: &["Last-Event-ID"],
            body: None,
            ..STREAM_BY_BODY
        },
        Operation { method: "POST", id: "streamByPost", ..STREAM_BY_BODY },
        Operation { method: "QUERY", id: "streamByQuery", ..STREAM_BY_BODY },
    ],
};

const STREAM_BY_BODY: Operation = Operation {
    id: "",
    summary: "Subscribe with a stream of lines, by parameters in the body",
    answer: items("One object a line, until either side ends it", "application/x-ndjson", "Line"),
    ..EVENTS_BY_BODY
};

pub(crate) static POLL: Endpoint = Endpoint {
    path: "/poll",
    parameters: &[
        "channel",
        "since",
        "lastEventId",
        "Last-Event-ID",
        "format",
        "wait",
        "user",
        "info",
        TICKET,
        TOKEN,
    ],
    operations: &[
        Operation {
            method: "GET",
            id: "poll",
            summary: "Subscribe with a long-poll",
            description: "",
            headers: &["Last-Event-ID"],
            body: None,
            ..POLL_BY_BODY
        },
        Operation { method: "POST", id: "pollByPost", ..POLL_BY_BODY },
        Operation { method: "QUERY", id: "pollByQuery", ..POLL_BY_BODY },
    ],
};

const POLL_BY_BODY: Operation = Operation {
    id: "",
    summary: "Subscribe with a long-poll, by parameters in the body",
    answer: json("Messages, and where to continue", "PollAnswer"),
    ..EVENTS_BY_BODY
};

pub(crate) static WS: Endpoint = Endpoint {
    path: "/ws",
    parameters: SUBSCRIBING,
    operations: &[Operation {
        method: "GET",
        id: "webSocket",
        summary: "Open a WebSocket",
        description: "With the subprotocol `tidewire.v1`, or raw without one: see `/asyncapi.json`.",
        needs: Needs::Subscribe,
        headers: &[],
        body: None,
        answer: Answer {
            status: 101,
            description: "The connection is a WebSocket",
            media_type: "",
            content: Content::Bytes,
        },
        errors: &[BadChannel, BadPosition, TooManySubscriptions, UpgradeRequired, Unavailable],
    }],
};

pub(crate) static ROOT: Endpoint = Endpoint {
    path: "/",
    parameters: SUBSCRIBING,
    operations: &[Operation {
        method: "GET",
        id: "console",
        summary: "The console page; with a WebSocket handshake the same as `/ws`",
        ..page("text/html")
    }],
};

pub(crate) static TICKETS: Endpoint = Endpoint {
    path: "/tickets",
    parameters: &[],
    operations: &[Operation {
        method: "POST",
        id: "issueTicket",
        summary: "Get a ticket, which stands for the token of this request in the query of one connection",
        description: "For `EventSource` and `WebSocket` in pages, which can set no header.",
        needs: Needs::Token,
        headers: &[],
        body: None,
        answer: json("The ticket", "Ticket"),
        errors: &[Overloaded],
    }],
};

pub(crate) static RENEWAL: Endpoint = Endpoint {
    path: "/connections/{id}/token",
    parameters: &[],
    operations: &[Operation {
        method: "POST",
        id: "renewConnection",
        summary: "Renew a connection by the token of this request",
        description: "For SSE, NDJSON and raw WebSockets. `tidewire.v1` has a request of its own.",
        needs: Needs::Token,
        headers: &[],
        body: None,
        answer: json("How long the connection may go on", "Renewed"),
        errors: &[NotFound, Overloaded],
    }],
};

pub(crate) static CHANNELS: Endpoint = Endpoint {
    path: "/channels",
    parameters: &["pattern", "limit", "after", TOKEN],
    operations: &[Operation {
        method: "GET",
        id: "channels",
        summary: "List the channels that hold messages",
        description: "Only those that the token allows to subscribe to.",
        needs: Needs::Token,
        headers: &[],
        body: None,
        answer: json("A page of channels", "ChannelPage"),
        errors: &[BadChannel],
    }],
};

pub(crate) static MESSAGES: Endpoint = Endpoint {
    path: "/channels/{channel}/messages",
    parameters: &["since", "before", "until", "limit", "format", TOKEN],
    operations: &[Operation {
        method: "GET",
        id: "history",
        summary: "A page of history",
        description: "With `before`, the newest messages before that place; else the oldest after `since`.",
        needs: Needs::History,
        headers: &[],
        body: None,
        answer: json("A page of messages", "HistoryPage"),
        errors: &[BadChannel, BadPosition],
    }],
};

pub(crate) static PRESENCE: Endpoint = Endpoint {
    path: "/channels/{channel}/presence",
    parameters: &["since", "limit", TOKEN],
    operations: &[Operation {
        method: "GET",
        id: "presence",
        summary: "A page of the members of a channel",
        description: "",
        needs: Needs::Presence,
        headers: &[],
        body: None,
        answer: json("A page of members", "PresencePage"),
        errors: &[BadChannel, BadPosition, NotFound],
    }],
};

pub(crate) static LIVE: Endpoint = Endpoint {
    path: "/health/live",
    parameters: &[],
    operations: &[Operation {
        method: "GET",
        id: "live",
        summary: "Whether the process runs",
        answer: json("It does", "Health"),
        ..page("application/json")
    }],
};

pub(crate) static READY: Endpoint = Endpoint {
    path: "/health/ready",
    parameters: &[],
    operations: &[Operation {
        method: "GET",
        id: "ready",
        summary: "Whether messages are stored, and the server goes on running",
        answer: json("It is ready", "Health"),
        ..page("application/json")
    }],
};

pub(crate) static REQUEST: Endpoint = Endpoint {
    path: "/health/request",
    parameters: &[],
    operations: &[Operation {
        method: "GET",
        id: "request",
        summary: "What has arrived of this request, for `tidewire doctor`",
        answer: json(
            "Its version of HTTP, its host, and the names of some of its headers",
            "Arrived",
        ),
        ..page("application/json")
    }],
};

pub(crate) static VERSION: Endpoint = Endpoint {
    path: "/version",
    parameters: &[],
    operations: &[Operation {
        method: "GET",
        id: "version",
        summary: "Name, version, revision and features of the build",
        answer: json("The build", "Version"),
        ..page("application/json")
    }],
};

pub(crate) static CONNECTIONS: Endpoint = Endpoint {
    path: "/connections",
    parameters: &["user", "channel", "transport", "limit", "after"],
    operations: &[Operation {
        method: "GET",
        id: "connections",
        summary: "List the connections, those that are furthest behind first",
        description: "Long-polls are not listed. `after` is the `next` of the page before.",
        needs: Needs::Operator,
        answer: json("A page of connections", "ConnectionPage"),
        errors: &[BadChannel, Overloaded],
        ..page("application/json")
    }],
};

pub(crate) static DISCONNECT: Endpoint = Endpoint {
    path: "/connections/{id}",
    parameters: &[],
    operations: &[Operation {
        method: "DELETE",
        id: "disconnect",
        summary: "End a connection",
        description: "Its client gets its position, and may reconnect and resume.",
        needs: Needs::Operator,
        answer: json("Where it ended", "Disconnected"),
        errors: &[NotFound, Overloaded],
        ..page("application/json")
    }],
};

pub(crate) static REACH: Endpoint = Endpoint {
    path: "/messages/{position}/reach",
    parameters: &["channel"],
    operations: &[Operation {
        method: "GET",
        id: "reach",
        summary: "Count the connections that have passed a message",
        description: "Of those that follow its channel. The parameter is for a message whose channel is not known any more.",
        needs: Needs::Operator,
        answer: json("How many have passed it, and how many are behind", "Reach"),
        errors: &[BadChannel, BadPosition, NotFound, Overloaded],
        ..page("application/json")
    }],
};

pub(crate) static METRICS: Endpoint = Endpoint {
    path: "/metrics",
    parameters: &[],
    operations: &[Operation {
        method: "GET",
        id: "metrics",
        summary: "The metrics, as Prometheus text or OpenMetrics",
        needs: Needs::Operator,
        ..page("text/plain")
    }],
};

pub(crate) static BACKUP: Endpoint = Endpoint {
    path: "/data/backup",
    parameters: &[],
    operations: &[Operation {
        method: "POST",
        id: "backup",
        summary: "A copy of the store",
        needs: Needs::Operator,
        errors: &[NotFound, Overloaded],
        ..page("application/vnd.tidewire.backup")
    }],
};

pub(crate) static RELOAD: Endpoint = Endpoint {
    path: "/config/reload",
    parameters: &[],
    operations: &[Operation {
        method: "POST",
        id: "reload",
        summary: "Read the configuration again",
        description: "No connection ends. A configuration with an error changes nothing, and the error says what is wrong.",
        needs: Needs::Operator,
        errors: &[BadRequest],
        answer: json("What has changed", "Reloaded"),
        ..page("application/json")
    }],
};

pub(crate) static OPENAPI: Endpoint = Endpoint {
    path: "/openapi.json",
    parameters: &[],
    operations: &[Operation {
        method: "GET",
        id: "openapi",
        summary: "This description",
        answer: json("A description in OpenAPI 3.2", "Document"),
        ..page("application/json")
    }],
};

pub(crate) static ASYNCAPI: Endpoint = Endpoint {
    path: "/asyncapi.json",
    parameters: &[],
    operations: &[Operation {
        method: "GET",
        id: "asyncapi",
        summary: "What streams and WebSockets carry",
        answer: json("A description in AsyncAPI 3.0", "Document"),
        ..page("application/json")
    }],
};

pub(crate) static ASSET: Endpoint = Endpoint {
    path: "/assets/{name}",
    parameters: FILE,
    operations: &[Operation {
        method: "GET",
        id: "asset",
        summary: "A file of the page, such as the JavaScript client",
        errors: &[NotFound],
        ..page("text/javascript")
    }],
};

pub(crate) static FAVICON: Endpoint = Endpoint {
    path: "/favicon.ico",
    parameters: FILE,
    operations: &[Operation {
        method: "GET",
        id: "favicon",
        summary: "The emblem of the page",
        ..page("image/svg+xml")
    }],
};

/// An answer of JSON.
const fn json(description: &'static str, schema: &'static str) -> Answer {
    Answer {
        status: 200,
        description,
        media_type: "application/json",
        content: Content::Document(schema),
    }
}

/// An answer that goes on and on.
const fn items(
    description: &'static str,
    media_type: &'static str,
    schema: &'static str,
) -> Answer {
    Answer { status: 200, description, media_type, content: Content::Items(schema) }
}

/// What everybody may get, and what has no schema.
const fn page(media_type: &'static str) -> Operation {
    Operation {
        method: "GET",
        id: "",
        summary: "",
        description: "",
        needs: Needs::Nothing,
        headers: &[],
        body: None,
        answer: Answer {
            status: 200,
            description: "The file or document",
            media_type,
            content: Content::Bytes,
        },
        errors: &[],
    }
}

/// What says in its body what it asks for.
const BODY: Body = Body {
    media_types: &["application/json"],
    schema: "Subscription",
    example: r#"{"channels":["chat.room1"],"since":"earliest"}"#,
};

const BY_BODY: &str = "The members are named like the parameters of the query, and `channels` is a list. A member goes before a \
    parameter of the URL.";

const SUBSCRIBING: &[&str] =
    &["channel", "since", "lastEventId", "Last-Event-ID", "format", "user", "info", TICKET, TOKEN];
const EVENT_PARAMETERS: &[&str] = &[
    "channel",
    "since",
    "lastEventId",
    "Last-Event-ID",
    "format",
    "heartbeat",
    "user",
    "info",
    TICKET,
    TOKEN,
];
const PUBLISHING: &[&str] = &["event", "key", "idempotency_key", TOKEN];
const FILE: &[&str] = &["v"];

use tidewire_protocol::ErrorCode;

const PUBLISH_ERRORS: &[ErrorCode] = &[
    BadChannel,
    BadData,
    PayloadTooLarge,
    Conflict,
    StateFull,
    InsufficientStorage,
    Overloaded,
    Unavailable,
];
const SUBSCRIBE_ERRORS: &[ErrorCode] =
    &[BadChannel, BadPosition, TooManySubscriptions, PayloadTooLarge, Unsupported, Unavailable];
