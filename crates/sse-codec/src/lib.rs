//! Server-Sent Events: an encoder and an incremental parser for the WHATWG event stream.
