//! What the feature `deflate` promises, one behaviour a file.
#![expect(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may fail, and its numbers are small"
)]

mod feed;
mod naive;

mod a_bomb_stops_at_the_limit;
mod a_conversation_is_decoded_however_it_arrives;
mod a_message_cut_short_is_refused;
mod a_peer_may_end_its_stream_and_begin_another;
mod answers_keep_within_the_offer;
mod damaged_data_is_refused_within_bounds;
mod offers_are_answered_or_passed_over;
mod one_compressed_message_goes_to_many_connections;
mod text_is_checked_while_it_inflates;
mod the_examples_of_the_rfc_hold;
mod what_is_deflated_inflates;
