//! The commands of the real binary, against a real server: one behaviour a file, its name a sentence.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is all it can do"
)]

mod program;
mod tls;

mod a_backup_is_of_a_server_or_of_a_folder;
mod a_terminal_is_given_no_control_characters;
mod check_config_lists_every_error_for_programs;
mod commands_say_what_they_did;
mod commands_speak_to_a_server_over_tls;
mod completions_and_manual_pages_know_every_command;
mod data_that_is_a_file_is_refused;
mod health_is_an_exit_status;
mod lines_end_as_on_any_system;
mod subscribe_ends_when_nobody_reads_its_output;
