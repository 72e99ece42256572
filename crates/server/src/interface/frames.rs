//! What travels on streams and WebSockets, each with an example of its fewest members and one of all.

/// A kind of object, by its `type`.
pub(super) struct Frame {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    /// The members that it always has.
    pub(super) least: &'static str,
    /// All members.
    pub(super) most: &'static str,
}

/// What a client sends on `tidewire.v1`.
pub(super) static REQUESTS: &[Frame] = &[
    Frame {
        name: "subscribe",
        summary: "Begin to deliver a channel or pattern",
        least: r#"{"type":"subscribe","id":1,"channel":"chat.*"}"#,
        most: r#"{"type":"subscribe","id":1,"channel":"chat.*","since":"earliest","user":"ada","info":{"colour":"red"}}"#,
    },
    Frame {
        name: "unsubscribe",
        summary: "Stop delivering it",
        least: r#"{"type":"unsubscribe","id":2,"channel":"chat.*"}"#,
        most: r#"{"type":"unsubscribe","id":2,"channel":"chat.*"}"#,
    },
    Frame {
        name: "publish",
        summary: "Publish a message; answered if it has an id",
        least: r#"{"type":"publish","channel":"chat.room1"}"#,
        most: r#"{"type":"publish","id":3,"channel":"chat.room1","data":"hi","encoding":"base64","event":"said","key":"u7","message_id":"m1","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","echo":false}"#,
    },
    Frame {
        name: "history",
        summary: "Read a page of history",
        least: r#"{"type":"history","id":4,"channel":"chat.*"}"#,
        most: r#"{"type":"history","id":4,"channel":"chat.*","since":"earliest","before":"now","until":"now","limit":20}"#,
    },
    Frame {
        name: "presence",
        summary: "Read a page of the members of a channel",
        least: r#"{"type":"presence","id":5,"channel":"chat.room1"}"#,
        most: r#"{"type":"presence","id":5,"channel":"chat.room1","since":"mws2fei1-1","limit":20}"#,
    },
    Frame {
        name: "token",
        summary: "Authenticate, or renew what the connection may do; answered if it has an id",
        least: r#"{"type":"token","token":"eyJhbGciOi"}"#,
        most: r#"{"type":"token","id":6,"token":"eyJhbGciOi"}"#,
    },
];

/// What a server sends on `tidewire.v1`.
pub(super) static ANSWERS: &[Frame] = &[
    Frame {
        name: "welcome",
        summary: "The first frame of a connection",
        least: r#"{"type":"welcome","connection":"2c8a2bd1f2a0a4d3","version":"0.1.0","heartbeat_ms":20000,"position":"mws2fei1-0"}"#,
        most: r#"{"type":"welcome","connection":"2c8a2bd1f2a0a4d3","version":"0.1.0","heartbeat_ms":20000,"position":"mws2fei1-0"}"#,
    },
    Frame {
        name: "subscribed",
        summary: "Delivery begins after this position",
        least: r#"{"type":"subscribed","id":1,"channel":"chat.*","position":"mws2fei1-0"}"#,
        most: r#"{"type":"subscribed","id":1,"channel":"chat.*","position":"mws2fei1-0"}"#,
    },
    UNSUBSCRIBED,
    Frame {
        name: "published",
        summary: "The message is in the log",
        least: r#"{"type":"published","id":3,"position":"mws2fei1-1"}"#,
        most: r#"{"type":"published","id":3,"position":"mws2fei1-1"}"#,
    },
    Frame {
        name: "message",
        summary: "A message",
        least: r#"{"type":"message","channel":"chat.room1","position":"mws2fei1-1","time":1795365777169}"#,
        most: r#"{"type":"message","channel":"chat.room1","position":"mws2fei1-1","time":1795365777169,"event":"said","key":"u7","data":"hi","encoding":"base64"}"#,
    },
    GAP,
    Frame {
        name: "position",
        summary: "Everything up to this position has been delivered",
        least: r#"{"type":"position","position":"mws2fei1-7"}"#,
        most: r#"{"type":"position","position":"mws2fei1-7"}"#,
    },
    Frame {
        name: "granted",
        summary: "The token says from now on what the connection may do",
        least: r#"{"type":"granted","id":6}"#,
        most: r#"{"type":"granted","id":6,"expires_in_ms":3600000}"#,
    },
    EXPIRING,
    Frame {
        name: "history",
        summary: "A page of history",
        least: r#"{"type":"history","id":4,"messages":[],"position":"mws2fei1-2","before":"mws2fei1-2"}"#,
        most: r#"{"type":"history","id":4,"messages":[],"position":"mws2fei1-2","before":"mws2fei1-2","more":true,"gaps":[]}"#,
    },
    Frame {
        name: "presence",
        summary: "A page of members",
        least: r#"{"type":"presence","id":5,"channel":"chat.room1","members":[],"position":"mws2fei1-2"}"#,
        most: r#"{"type":"presence","id":5,"channel":"chat.room1","members":[],"left":[],"position":"mws2fei1-2","more":true,"gaps":[]}"#,
    },
    ERROR,
    GOODBYE,
];

/// What an event stream, NDJSON, and a raw WebSocket with `format=json` carry beside messages and positions, which have no `type` there.
pub(super) static NOTICES: &[Frame] = &[
    GAP,
    UNSUBSCRIBED,
    Frame {
        name: "connection",
        summary: "The secret name by which this connection is renewed",
        least: r#"{"type":"connection","id":"pZ3"}"#,
        most: r#"{"type":"connection","id":"pZ3"}"#,
    },
    EXPIRING,
    ERROR,
    GOODBYE,
];

const UNSUBSCRIBED: Frame = Frame {
    name: "unsubscribed",
    summary: "Delivery has ended: as requested, or without an id because the client may not read the channel any more",
    least: r#"{"type":"unsubscribed","channel":"chat.*"}"#,
    most: r#"{"type":"unsubscribed","id":2,"channel":"chat.*","code":"forbidden","message":"the token does not cover it"}"#,
};

const GAP: Frame = Frame {
    name: "gap",
    summary: "Messages after `from`, up to `to`, are lost for this subscription",
    least: r#"{"type":"gap","channel":"chat.*","from":"mws2fei1-1","to":"mws2fei1-7"}"#,
    most: r#"{"type":"gap","channel":"chat.*","from":"mws2fei1-1","to":"mws2fei1-7"}"#,
};

const EXPIRING: Frame = Frame {
    name: "expiring",
    summary: "What the connection may do expires: renew it, or it ends",
    least: r#"{"type":"expiring","in_ms":30000}"#,
    most: r#"{"type":"expiring","in_ms":30000}"#,
};

const ERROR: Frame = Frame {
    name: "error",
    summary: "A request, or the connection, is refused",
    least: r#"{"type":"error","code":"bad_channel","message":"a channel name holds ' '"}"#,
    most: r#"{"type":"error","id":1,"code":"bad_channel","message":"a channel name holds ' '","retry_ms":1000}"#,
};

const GOODBYE: Frame = Frame {
    name: "goodbye",
    summary: "The server ends the connection: with this code, after this position, and when to come back",
    least: r#"{"type":"goodbye","code":1012}"#,
    most: r#"{"type":"goodbye","code":1012,"position":"mws2fei1-7","retry_ms":1713}"#,
};
