//! What the broker promises, one behaviour a file, its name a sentence.
#![allow(missing_docs)]

#[path = "../common/common.rs"]
mod common;
#[path = "../common/keyed.rs"]
mod keyed;
#[path = "../common/slow.rs"]
mod slow;
#[path = "../common/test_archive.rs"]
mod test_archive;

mod a_grant_permits_what_its_permissions_cover;
mod a_lane_that_ends_gives_its_number_back;
mod a_lane_wakes_its_task_for_every_waiter_due;
mod a_look_at_all_channels_takes_turns;
mod a_loss_is_never_silent;
mod a_merge_asks_an_archive_once_for_what_it_takes;
mod a_newer_message_of_a_key_supersedes_the_older;
mod a_pattern_covers_what_selects_no_more;
mod a_read_that_fails_is_a_gap_for_its_reader_only;
mod a_reader_of_a_state_gets_no_gap_for_older_tombstones;
mod a_reader_of_an_archive_misses_nothing;
mod a_reader_sees_each_message_once_in_order;
mod a_resume_by_name_asks_an_archive_once;
mod a_search_for_a_place_takes_turns_and_ends;
mod a_turn_of_a_lane_has_an_end;
mod at_the_end_everybody_is_due;
mod compacted_readers_agree_with_a_naive_map;
mod members_of_the_previous_run_leave_at_the_start;
mod news_of_many_channels_is_read_from_the_log;
mod nobody_blocks_while_an_archive_fetches;
mod one_channels_audience_is_notified_over_turns;
mod other_rules_hold_for_every_channel_there_is;
mod paging_either_way_covers_everything_once;
mod publishers_and_lanes_on_threads_lose_nothing;
mod readers_agree_with_a_naive_log;
mod retention_agrees_with_a_naive_list;
mod the_most_specific_rule_wins;
mod the_order_on_disk_is_walked_like_the_one_in_memory;
mod the_presence_buffer_holds_the_net_of_joins_and_leaves;
mod values_on_disk_outlive_a_newer_tombstone;
mod what_another_subscription_had_is_not_handed_over_again;
