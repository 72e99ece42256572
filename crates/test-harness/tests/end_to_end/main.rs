//! The real binary from outside, over real sockets: one behaviour a file, its name a sentence.
#![allow(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is all it can do"
)]

mod common;

mod a_raw_websocket_hears_what_it_sends;
mod all_wires_at_once_see_the_same_positions_in_the_same_order;
mod each_wire_delivers_what_was_published;
mod every_kind_of_payload_arrives_as_it_was;
mod our_client_role_understands_another_server;

mod a_last_event_id_in_the_query_resumes_on_every_wire;
mod a_position_of_one_wire_resumes_on_every_other;
mod a_wire_cut_among_ten_thousand_messages_loses_none;
mod any_faults_by_seed_lose_nothing;
mod history_pages_back_and_goes_on_live;
mod the_rust_client_resumes_on_every_wire;

mod a_long_list_of_members_tells_no_false_gap;
mod the_first_answer_after_a_start_lists_no_dead_member;
mod who_is_there_is_told;

mod what_is_answered_was_synced;

mod a_gap_is_told_when_retention_has_passed;
mod a_restarted_server_tells_a_gap;
mod an_unknown_position_is_a_gap_and_then_what_is_retained;

mod a_repeat_is_answered_like_the_first;
mod who_wants_no_echo_gets_none;

mod a_server_listens_in_several_places;
mod check_config_tells_what_channels_have_and_why;
mod options_differ_by_pattern;
mod variables_of_the_surroundings_do_not_stop_the_start;

mod a_body_that_is_too_large_is_not_asked_for;
mod a_channel_name_is_checked;
mod a_payload_over_the_limit_is_refused_before_it_is_sent;
mod a_raw_greater_than_sign_names_a_pattern;
mod a_thousand_channels_are_refused;
mod a_wrong_path_or_method_is_a_problem;
mod every_spelling_of_an_upgrade_opens_a_websocket;
mod haproxy_finds_the_server_healthy;
mod head_works_wherever_get_does;
mod nothing_is_done_after_the_last_request;
mod options_tells_what_a_path_allows;
mod streams_ask_proxies_to_pass_on_what_comes;
mod text_that_is_not_utf8_is_refused;
mod unknown_parameters_are_refused_with_a_suggestion;
mod what_cannot_be_read_is_a_problem;

mod a_frame_of_a_terabyte_is_refused_at_its_head;
mod a_slow_header_is_timed_out;
mod half_a_handshake_is_let_go;

mod a_client_that_stops_reading_costs_the_others_nothing;
mod a_vanished_client_is_let_go;

mod a_terminated_server_says_goodbye_on_every_wire;
mod curl_publishes_and_follows;
mod lines_are_published_across_a_restart;
mod the_subscribe_example_follows_a_channel;
mod what_is_subscribed_resumes_by_itself;

mod browser;
mod event_stream;
mod origin;
mod script;
mod web_socket;

mod a_polyfill_resumes_by_its_query;
mod any_stream_is_heard_as_chromium_hears_it;
mod chromium_hears_what_ws_frame_encodes;
mod the_browsers_event_source_reconnects_without_loss;
mod the_console_shows_a_message_on_both_panes;
mod the_two_snippets_run_verbatim;
mod tidewire_js_delivers_overlapping_patterns_once;
mod tidewire_js_goes_on_after_a_gap_with_what_is_left;
mod tidewire_js_resumes_after_every_cut;
mod tidewire_js_says_why_it_is_refused;
mod what_sse_codec_writes_is_heard_alike_by_all;
mod ws_frame_hears_what_chromium_sends;
