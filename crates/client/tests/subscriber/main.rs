//! What a subscriber and a publisher can rely on, each against a server that speaks from a script.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod scripted;

mod a_foreign_answer_is_fallen_back_from;
mod a_gap_is_delivered;
mod a_gap_is_reported_once;
mod a_long_message_that_trickles_in_is_no_silence;
mod a_map_is_right_after_a_loss;
mod a_page_of_history_is_asked_for_and_read;
mod a_publish_says_what_became_of_it;
mod a_refusal_ends_the_subscription;
mod a_refused_event_stream_is_asked_for_again_in_time;
mod a_server_that_is_down_is_waited_for;
mod a_silent_connection_is_reopened;
mod a_success_makes_the_next_wait_short_again;
mod a_token_is_renewed_before_and_after_it_expires;
mod an_event_stream_says_its_heartbeat_interval;
mod members_are_collected_page_by_page;
mod operators_are_known_by_their_token;
mod polls_begin_with_a_position;
mod publishes_go_over_the_open_socket;
mod sse_resumes_by_the_last_id;
mod subscriptions_share_one_connection;
mod the_ndjson_stream_resumes_by_since;
mod the_websocket_resumes_each_subscription;
