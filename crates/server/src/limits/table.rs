//! Every limit on what a client may do, with its answer, what counts it and what tries it: the table of `docs/limits.md`.

/// One limit.
pub(crate) struct Row {
    /// What is limited.
    pub(crate) what: &'static str,
    /// The setting with its value, or a value that is fixed.
    pub(crate) value: Value,
    /// What a client is answered beyond it.
    pub(crate) answer: &'static str,
    /// The metric that counts such answers, with the label's value.
    pub(crate) metric: &'static str,
    /// A test that reaches it.
    pub(crate) test: &'static str,
}

/// Where the value of a limit is from.
pub(crate) enum Value {
    Setting(&'static str),
    Fixed(&'static str),
}

const fn row(
    what: &'static str,
    value: Value,
    answer: &'static str,
    metric: &'static str,
    test: &'static str,
) -> Row {
    Row { what, value, answer, metric, test }
}

use Value::{Fixed, Setting};

/// How many.
pub(crate) const COUNTS: &[Row] = &[
    row(
        "connections and long-polls, in all",
        Setting("connections_max"),
        "503 with `Retry-After`; `GET /events`: an `$error` event",
        "tidewire_limits_reached_total{limit=\"connections_max\"}",
        "a_refused_event_source_comes_back",
    ),
    row(
        "connections and long-polls of one address",
        Setting("connections_per_address"),
        "429 with `Retry-After`; `GET /events`: an `$error` event",
        "tidewire_limits_reached_total{limit=\"connections_per_address\"}",
        "an_address_and_a_user_have_so_many_connections_at_a_time_over_http",
    ),
    row(
        "connections and long-polls of one user (the `sub` of tokens)",
        Setting("connections_per_user"),
        "429 with `Retry-After`; a token in a frame of `tidewire.v1`: an error frame",
        "tidewire_limits_reached_total{limit=\"connections_per_user\"}",
        "an_address_and_a_user_have_so_many_connections_at_a_time_over_http",
    ),
    row(
        "subscriptions of one connection",
        Setting("subscriptions_max"),
        "400; `tidewire.v1`: an error frame",
        "tidewire_refusals_total{code=\"too_many_subscriptions\"}",
        "a_thousand_channels_are_refused",
    ),
    row(
        "message ids that are remembered for one publisher",
        Setting("publisher_ids_max"),
        "429 with `Retry-After`; a frame, or an item of a batch: the error `overloaded`",
        "tidewire_refusals_total{code=\"overloaded\"}",
        "one_publisher_uses_up_only_its_own_ids",
    ),
    row(
        "tickets that are not used yet",
        Fixed("100 of one subject, 10,000 in all"),
        "429 with `Retry-After`",
        "tidewire_refusals_total{code=\"overloaded\"}",
        "one_subject_cannot_use_up_the_tickets_of_all",
    ),
];

/// How often.
pub(crate) const RATES: &[Row] = &[
    row(
        "messages that one connection publishes",
        Setting("publishes_per_connection"),
        "429 with `Retry-After`; `tidewire.v1`: an error frame with `retry_ms`",
        "tidewire_limits_reached_total{limit=\"publishes_per_connection\"}",
        "publishes_are_limited_by_connection_address_and_user",
    ),
    row(
        "messages that one address publishes",
        Setting("publishes_per_address"),
        "the same; a batch: an error for each message beyond it",
        "tidewire_limits_reached_total{limit=\"publishes_per_address\"}",
        "publishes_are_limited_by_connection_address_and_user",
    ),
    row(
        "messages that one user publishes",
        Setting("publishes_per_user"),
        "the same",
        "tidewire_limits_reached_total{limit=\"publishes_per_user\"}",
        "publishes_are_limited_by_connection_address_and_user",
    ),
    row(
        "messages that one API key publishes",
        Setting("publishes_per_key"),
        "the same",
        "tidewire_limits_reached_total{limit=\"publishes_per_key\"}",
        "an_api_key_publishes_so_many_messages_from_wherever",
    ),
    row(
        "tickets that one address requests",
        Setting("tickets_per_address"),
        "429 with `Retry-After`",
        "tidewire_limits_reached_total{limit=\"tickets_per_address\"}",
        "tickets_and_wrong_tokens_are_limited_by_address",
    ),
    row(
        "tokens and tickets from one address that are not valid",
        Setting("failed_tokens_per_address"),
        "after a quarter of a second 429 with `Retry-After` instead of 401, also for valid ones; `tidewire.v1`: an error frame with `retry_ms`",
        "tidewire_limits_reached_total{limit=\"failed_tokens_per_address\"}",
        "tickets_and_wrong_tokens_are_limited_by_address",
    ),
];

/// How many bytes.
pub(crate) const BYTES: &[Row] = &[
    row(
        "a message: payload, event name and key",
        Setting("message_bytes_max"),
        "413; a WebSocket is closed with 1009",
        "tidewire_refusals_total{code=\"payload_too_large\"}",
        "a_declared_length_is_refused_although_nothing_was_sent",
    ),
    row(
        "the body of a batch",
        Setting("batch_bytes_max"),
        "413",
        "tidewire_refusals_total{code=\"payload_too_large\"}",
        "a_body_that_is_too_large_is_not_asked_for",
    ),
    row(
        "the body of a request to subscribe",
        Fixed("128 KiB"),
        "413",
        "tidewire_refusals_total{code=\"payload_too_large\"}",
        "more_channels_than_a_url_holds_fit_and_the_limits_are_the_same",
    ),
    row(
        "the head of a request",
        Fixed("128 KiB, 96 header lines"),
        "431, then the connection ends",
        "tidewire_refusals_total{code=\"head_too_large\"}",
        "an_error_for_a_head_that_is_too_large_names_the_limits",
    ),
    row(
        "the path and the query of a request",
        Setting("url_bytes_max"),
        "414",
        "tidewire_limits_reached_total{limit=\"url_bytes_max\"}",
        "tickets_and_wrong_tokens_are_limited_by_address",
    ),
    row(
        "unfinished requests and messages of all clients together",
        Setting("input_bytes_max"),
        "503 to the client that holds most; a WebSocket is closed with 1013",
        "tidewire_refusals_total{code=\"unavailable\"}",
        "unfinished_bodies_are_bounded_together",
    ),
    row(
        "output that clients have not read, of all clients together",
        Setting("output_bytes_max"),
        "the client that holds most is disconnected; an answer that finds no room gets 503",
        "tidewire_connections_ended_total",
        "answers_that_nobody_takes_are_bounded_together",
    ),
    row(
        "answers that wait for one WebSocket client",
        Setting("replies_bytes_max"),
        "nothing more is read from it until it reads",
        "none: nothing is refused",
        "a_client_that_floods_and_reads_nothing_is_not_read_from",
    ),
];

/// How long.
pub(crate) const DEADLINES: &[Row] = &[
    row(
        "the head of a request, or a header of the PROXY protocol and a TLS handshake",
        Fixed("5 s; 10 s before HTTP"),
        "408, then the connection ends; before HTTP it ends without an answer",
        "tidewire_refusals_total{code=\"timeout\"}",
        "a_head_that_does_not_end_gets_an_error",
    ),
    row(
        "the body of a request",
        Setting("body_wait"),
        "408",
        "tidewire_refusals_total{code=\"timeout\"}",
        "a_body_that_does_not_end_gets_408",
    ),
    row(
        "the next request on a connection",
        Setting("keep_alive"),
        "the connection ends, as in HTTP",
        "none: nothing is refused",
        "an_idle_connection_is_closed_after_the_time_that_was_set",
    ),
    row(
        "the pong of a WebSocket client",
        Setting("pong_wait"),
        "closed with 4001",
        "tidewire_connections_ended_total",
        "a_vanished_websocket_is_found_out_by_its_missing_pong",
    ),
    row(
        "a byte of output that a client reads",
        Setting("stall"),
        "disconnected",
        "tidewire_connections_ended_total",
        "nor_is_one_that_floods_with_pings_and_it_is_disconnected",
    ),
    row(
        "a token on a WebSocket that may do nothing without",
        Setting("token_wait"),
        "closed with 4501",
        "tidewire_connections_ended_total",
        "who_has_no_token_is_gone_at_its_first_other_request_or_after_a_while",
    ),
];
