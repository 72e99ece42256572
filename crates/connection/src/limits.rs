//! The named limits of a connection, with their reasons.

/// Bounds and rhythms of every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Silence after which a heartbeat goes out. Below the idle time-outs of common proxies.
    pub heartbeat_ms: u64,
    /// How long a WebSocket client may take to answer a ping before it counts as gone.
    pub pong_wait_ms: u64,
    /// How long a client may read no byte of what waits for it before it is disconnected. It knows its position, so it
    /// can resume.
    pub stall_ms: u64,
    /// How long a WebSocket's closing may take.
    pub close_wait_ms: u64,
    /// Bytes gathered for one write: enough to make the kernel's cost small beside them.
    pub gather_bytes_max: usize,
    /// Payload bytes of a message that a raw WebSocket may publish.
    pub message_bytes_max: usize,
    /// Bytes of answers that may wait for a client before no more is read from it.
    pub replies_bytes_max: usize,
    /// Subscriptions of one connection.
    pub subscriptions_max: usize,
    /// Messages on one page of history.
    pub page_messages_max: usize,
    /// How long before a grant expires its client is notified; zero is never.
    pub expiry_notice_ms: u64,
    /// How long a client that may do nothing yet has to authenticate.
    pub grant_wait_ms: u64,
    /// How long a browser is asked to wait before it reconnects, in milliseconds.
    pub retry_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            heartbeat_ms: 20_000,
            pong_wait_ms: 20_000,
            stall_ms: 60_000,
            close_wait_ms: 3_000,
            gather_bytes_max: 64 << 10,
            message_bytes_max: 1 << 20,
            replies_bytes_max: 64 << 10,
            subscriptions_max: 256,
            page_messages_max: 1_000,
            expiry_notice_ms: 30_000,
            grant_wait_ms: 10_000,
            retry_ms: 2_000,
        }
    }
}

impl Limits {
    /// Bytes of one `tidewire.v1` request, and of one message in a batch: a payload may double in JSON or base64, and has company.
    pub fn request_bytes_max(&self) -> usize {
        self.message_bytes_max.saturating_mul(2).saturating_add(REQUEST_OVERHEAD_BYTES)
    }
}

const REQUEST_OVERHEAD_BYTES: usize = 4 << 10;
