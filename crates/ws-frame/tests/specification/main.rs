//! What the crate promises, one behaviour a file.
#![expect(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail, and its numbers are small"
)]

mod feed;
mod naive;
mod random;

mod a_close_ends_everything;
mod a_header_that_breaks_a_rule_is_refused;
mod a_small_message_can_be_awaited;
mod any_chunking_decodes_what_the_naive_decoder_decodes;
mod control_frames_fit_between_fragments;
mod every_vector_by_both_roles;
mod limits_hold_at_the_header;
mod messages_come_whole_or_as_they_arrive;
mod nothing_is_allocated_for_what_is_declared;
mod only_the_first_frame_says_compressed;
mod text_is_checked_across_every_cut;
mod the_examples_of_the_rfc_hold;
mod what_is_encoded_decodes;
