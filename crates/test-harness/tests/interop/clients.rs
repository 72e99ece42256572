//! Which clients there are: the program in `interop/` that uses each one, and what its user should know.

/// A client on one transport.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    /// What it is called where people find it.
    pub(crate) name: &'static str,
    pub(crate) package: Package,
    pub(crate) wire: &'static str,
    /// The file in `interop/`, or the page in `interop/pages/` without its ending.
    pub(crate) program: &'static str,
    /// By what it publishes.
    pub(crate) publishes: &'static str,
    /// By what it resumes.
    pub(crate) resumes: &'static str,
    pub(crate) remarks: &'static str,
}

/// Where it comes from, which says what runs its program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Package {
    /// The folder in `node_modules`, for Node.
    Npm(&'static str),
    /// The folder in `node_modules`, for a page in Chromium.
    NpmInPage(&'static str),
    /// A part of Chromium.
    Browser,
    /// The name on PyPI.
    Python(&'static str),
    Curl,
}

impl Client {
    /// What it answers. Programs of one package say the same.
    pub(crate) fn hello(&self) -> String {
        let program = self.program.rsplit_once('.').map_or(self.program, |(name, _)| name);
        let spoken = match self.package {
            Package::Curl => "curl",
            Package::Python(name) => name,
            _ => program,
        };
        format!("hello from {spoken}")
    }
}

const FETCH: &str = "`fetch`";
const BY_ITSELF: &str = "by itself";
const SINCE: &str = "`since`";
const LAST_EVENT_ID: &str = "`Last-Event-ID`";

const V1: &str = "WebSocket, `tidewire.v1`";
const RAW: &str = "WebSocket, raw";

pub(crate) const CLIENTS: [Client; 18] = [
    Client {
        name: "browser's `EventSource`",
        package: Package::Browser,
        wire: "SSE",
        program: "eventsource",
        publishes: FETCH,
        resumes: "`lastEventId=`",
        remarks: "Without tokens it resumes by itself. With a ticket it has to be opened again, as a ticket is good for one connection.",
    },
    Client {
        name: "browser's `WebSocket`",
        package: Package::Browser,
        wire: V1,
        program: "websocket-v1",
        publishes: "frame",
        resumes: SINCE,
        remarks: "",
    },
    Client {
        name: "browser's `WebSocket`",
        package: Package::Browser,
        wire: RAW,
        program: "websocket",
        publishes: "frame",
        resumes: SINCE,
        remarks: "With `format=json`: otherwise it has no position.",
    },
    Client {
        name: "npm `event-source-polyfill`",
        package: Package::NpmInPage("event-source-polyfill"),
        wire: "SSE",
        program: "event-source-polyfill",
        publishes: FETCH,
        resumes: BY_ITSELF,
        remarks: "Waits a second at least before it comes back. Use `heartbeat=event`.",
    },
    Client {
        name: "npm `@microsoft/fetch-event-source`",
        package: Package::NpmInPage("@microsoft/fetch-event-source"),
        wire: "SSE",
        program: "fetch-event-source",
        publishes: FETCH,
        resumes: LAST_EVENT_ID,
        remarks: "By itself it counts an event when it has read the `id`, so a cut in the middle of an event loses it: give it a `fetch` that sends the position of the last whole event. It ends for good when the server ends the stream, unless `onclose` throws. It calls `onmessage` for heartbeats too, with empty `data`.",
    },
    Client {
        name: "npm `reconnecting-websocket`",
        package: Package::NpmInPage("reconnecting-websocket"),
        wire: RAW,
        program: "reconnecting-websocket",
        publishes: "frame",
        resumes: SINCE,
        remarks: "The function that gives the URL must not fail: after that it never tries again.",
    },
    Client {
        name: "npm `ws`",
        package: Package::Npm("ws"),
        wire: V1,
        program: "ws.mjs",
        publishes: "frame",
        resumes: SINCE,
        remarks: "",
    },
    Client {
        name: "npm `eventsource` 4",
        package: Package::Npm("eventsource"),
        wire: "SSE",
        program: "eventsource.mjs",
        publishes: FETCH,
        resumes: BY_ITSELF,
        remarks: "A header needs a `fetch` of your own. Use `heartbeat=event`.",
    },
    Client {
        name: "npm `eventsource` 3",
        package: Package::Npm("eventsource-3"),
        wire: "SSE",
        program: "eventsource-3.mjs",
        publishes: FETCH,
        resumes: BY_ITSELF,
        remarks: "A header needs a `fetch` of your own. Use `heartbeat=event`.",
    },
    Client {
        name: "npm `eventsource` 2",
        package: Package::Npm("eventsource-2"),
        wire: "SSE",
        program: "eventsource-2.mjs",
        publishes: FETCH,
        resumes: LAST_EVENT_ID,
        remarks: "By itself it counts an event when it has read the `id`, so a cut in the middle of an event loses it: open another one with the position of the last whole event.",
    },
    Client {
        name: "Python `websockets`",
        package: Package::Python("websockets"),
        wire: V1,
        program: "websockets_v1.py",
        publishes: "frame",
        resumes: SINCE,
        remarks: "`async for socket in connect(…)` reconnects.",
    },
    Client {
        name: "Python `aiohttp`",
        package: Package::Python("aiohttp"),
        wire: V1,
        program: "aiohttp_socket.py",
        publishes: "frame",
        resumes: SINCE,
        remarks: "",
    },
    Client {
        name: "Python `aiohttp`",
        package: Package::Python("aiohttp"),
        wire: "NDJSON",
        program: "aiohttp_stream.py",
        publishes: "`POST`",
        resumes: SINCE,
        remarks: "Its usual timeout ends a stream after 5 minutes: set `total=None`.",
    },
    Client {
        name: "Python `httpx-sse`",
        package: Package::Python("httpx-sse"),
        wire: "SSE",
        program: "sse_httpx.py",
        publishes: "`POST`",
        resumes: LAST_EVENT_ID,
        remarks: "Gives events for heartbeats too, with empty `data`.",
    },
    Client {
        name: "Python `sseclient-py` with `requests`",
        package: Package::Python("sseclient-py"),
        wire: "SSE",
        program: "sse_requests.py",
        publishes: "`POST`",
        resumes: LAST_EVENT_ID,
        remarks: "Use `heartbeat=event`.",
    },
    Client {
        name: "`curl`",
        package: Package::Curl,
        wire: "SSE",
        program: "curl-events.sh",
        publishes: "`POST`",
        resumes: SINCE,
        remarks: "",
    },
    Client {
        name: "`curl`",
        package: Package::Curl,
        wire: "NDJSON",
        program: "curl-stream.sh",
        publishes: "`POST`",
        resumes: SINCE,
        remarks: "",
    },
    Client {
        name: "`curl`",
        package: Package::Curl,
        wire: "long-poll",
        program: "curl-poll.sh",
        publishes: "`POST`",
        resumes: SINCE,
        remarks: "",
    },
];
