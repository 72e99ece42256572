//! What the codec promises, one behaviour a file. The wire is spelled out in literal bytes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of tests are tests too"
)]

mod feed;
mod fragments;
mod model;

mod a_block_is_one_event_or_none;
mod a_broken_byte_becomes_a_replacement_character;
mod a_comment_is_reported_if_it_is_asked_for;
mod a_line_ends_at_cr_lf_or_both;
mod a_long_line_takes_linear_time;
mod a_mark_opens_the_stream_once;
mod a_retry_is_digits;
mod a_stream_over_its_limits_is_refused;
mod an_event_is_borrowed_where_it_can_be;
mod an_event_says_whether_it_has_an_id;
mod an_id_lasts_until_the_next;
mod any_bytes_read_as_the_model_reads_them;
mod memory_stays_within_the_documented_bound;
mod only_four_fields_count;
mod the_cases_of_web_platform_tests;
mod the_examples_of_the_specification;
mod the_fast_path_reads_what_the_slow_path_reads;
mod what_is_ignored_may_be_broken;
mod what_is_written_is_read_back;
mod what_is_written_to_the_byte;
