//! The tables of `docs/configuration.md`, made of the settings here.

use super::{Settings, channels::OPTIONS};
use crate::generated::check_page;
use clap::{Arg, Args as _, Command};
use tidewire_broker::{Compaction, Options};

#[test]
fn the_page_lists_every_setting_and_every_option_of_channels() {
    check_page("configuration.md", &[("settings", settings()), ("options of channels", options())]);
}

/// A table for each heading of `--help`.
fn settings() -> String {
    let command = Settings::augment_args(Command::new("serve"));
    let mut tables = String::new();
    let mut heading = None;
    for argument in command.get_arguments() {
        if heading != Some(argument.get_help_heading()) {
            heading = Some(argument.get_help_heading());
            let title = argument.get_help_heading().unwrap_or("General");
            let gap = if tables.is_empty() { "" } else { "\n" };
            tables +=
                &format!("{gap}### {title}\n\n| key | value | default | is |\n|---|---|---|---|\n");
        }
        tables += &row(argument);
    }
    tables
}

fn row(argument: &Arg) -> String {
    let key = argument.get_id().as_str();
    let value = argument.get_value_names().and_then(|names| names.first()).expect("it has a value");
    let help = argument.get_help().expect("it has a help").to_string();
    let (help, default) = help.split_once(" [default: ").unwrap_or((&help, "none]"));
    let default = default.trim_end_matches(']');
    // In Markdown a star or a bar would be markup.
    let help = help.replace('*', "\\*").replace('|', "\\|");
    format!("| `{key}` | {value} | {default} | {help} |\n")
}

fn options() -> String {
    let plain = Options::default();
    let compacted = Options { compaction: Some(Compaction::default()), ..plain };
    let mut table = "| option | default | is |\n|---|---|---|\n".to_owned();
    for option in OPTIONS {
        let default = (option.value)(&plain).or_else(|| (option.value)(&compacted));
        let default = default.expect("it means something in one of them");
        table += &format!("| `{}` | {default} | {} |\n", option.key, option.help.trim());
    }
    table
}
