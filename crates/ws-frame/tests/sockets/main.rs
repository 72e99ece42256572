//! `WebSocket` over tokio's streams and over blocking ones: one behaviour a file.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod a_dropped_future_loses_nothing;
mod a_handshake_is_refused_in_words;
mod a_peer_that_does_not_read_is_not_read;
mod a_time_limit_loses_no_event;
mod an_answer_goes_out_by_itself;
mod both_sides_agree_on_what_they_offer;
mod halves_work_beside_each_other;
mod over_http;
mod the_end_of_a_connection_is_named;
mod the_short_examples_understand_each_other;
mod trickle;
