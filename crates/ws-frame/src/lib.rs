//! WebSocket framing (RFC 6455): in-place decoding and encoding without a socket.
