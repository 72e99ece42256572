//! What the log on disk promises, one behaviour a file, its name a sentence.
#![allow(missing_docs)]

#[path = "../common/cold.rs"]
mod cold;
#[path = "../common/common.rs"]
mod common;

mod a_backup_under_load_is_whole;
mod a_cache_brings_nothing_back;
mod a_disk_that_comes_back_has_lost_nothing;
mod a_failed_sync_is_made_up_for;
mod a_flipped_bit_yields_no_wrong_message;
mod a_full_disk_goes_on_once_enough_has_gone;
mod a_full_disk_keeps_no_store_shut;
mod a_full_disk_refuses_publishes_and_goes_on_reading;
mod a_journal_moved_away_costs_the_newest_messages_once;
mod a_newer_message_of_a_key_supersedes_on_disk;
mod a_power_cut_takes_nothing_that_was_answered;
mod a_repeat_is_recognised_after_reopening;
mod a_restored_copy_begins_a_new_epoch;
mod a_state_is_listed_across_lives_without_a_false_gap;
mod a_store_of_an_earlier_version_loses_nothing;
mod a_store_that_cannot_be_opened_says_why;
mod a_sync_comes_within_its_interval;
mod compaction_can_be_switched_between_runs;
mod forgetting_agrees_with_a_log_that_never_forgets;
mod much_that_goes_at_once_holds_nobody_up;
mod names_of_empty_channels_are_forgotten_and_losses_reported;
mod publishers_that_wait_share_one_sync;
mod readers_who_resume_share_what_is_read;
mod retention_gives_rows_back;
mod the_oldest_of_all_channels_go_first;
mod the_order_goes_on_after_reopening;
#[cfg(target_os = "linux")]
mod threads_that_read_run_after_workers;
mod times_never_fall;
mod values_that_nothing_renews_are_removed;
mod what_cannot_be_restored_says_why_and_leaves_nothing;
