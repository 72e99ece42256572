//! What is asked of a token: one behaviour a file, most of them a rule of RFC 8725.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

mod a_claim_that_is_not_of_its_kind_is_refused;
mod a_header_with_critical_extensions_is_refused;
mod a_key_is_used_with_its_own_algorithms_only;
mod a_key_set_gives_the_keys_that_can_be_used;
mod a_key_that_is_gone_is_trusted_no_more;
mod a_key_that_verifies_nothing_is_refused;
mod a_secret_that_can_be_guessed_is_refused;
mod a_short_or_long_lifetime_is_kept_to_the_millisecond;
mod a_token_for_another_audience_or_from_another_issuer_is_refused;
mod a_token_names_its_key;
mod a_token_of_another_type_is_refused;
mod a_token_says_what_its_client_may_do;
mod a_token_that_is_no_token_is_refused;
mod a_token_that_is_not_signed_is_refused;
mod an_api_key_is_found_by_its_hash;
mod an_oversize_token_is_refused_unread;
mod any_changed_byte_is_refused;
mod duplicate_members_are_refused;
mod every_algorithm_verifies_what_its_key_has_signed;
mod keys;
mod the_examples_of_the_rfcs_are_accepted;
