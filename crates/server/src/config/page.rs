//! The tables of `docs/configuration.md`: made of the settings here, compared with the page, and written into it by
//! `TIDEWIRE_WRITE_DOCS=1 cargo test -p tidewire --lib the_page_lists`.

use super::{Settings, channels::OPTIONS};
use clap::{Arg, Args as _, Command};
use std::{env, fs};
use tidewire_broker::{Compaction, Options};

#[test]
fn the_page_lists_every_setting_and_every_option_of_channels() {
    let page = fs::read_to_string(PAGE).unwrap();
    let expected = with_table(&page, "settings", &settings());
    let expected = with_table(&expected, "options of channels", &options());
    if env::var_os("TIDEWIRE_WRITE_DOCS").is_some() {
        fs::write(PAGE, expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/configuration.md is not what the settings say; to write it: \
         TIDEWIRE_WRITE_DOCS=1 cargo test -p tidewire --lib the_page_lists"
    );
}

#[test]
fn a_table_takes_the_place_of_the_one_before() {
    let page = "a\n<!-- generated: settings -->\nold\n<!-- end of generated -->\nb\n";
    let expected = "a\n<!-- generated: settings -->\n\nnew\n\n<!-- end of generated -->\nb\n";
    assert_eq!(with_table(page, "settings", "new\n"), expected);
    assert_eq!(with_table(expected, "settings", "new\n"), expected);
}

/// The page with `table` between the comments of that name.
fn with_table(page: &str, name: &str, table: &str) -> String {
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = page.split_once(&begin).expect("the page has the comment");
    let (_, after) = rest.split_once(END).expect("the comment has an end");
    format!("{before}{begin}\n{table}\n{END}{after}")
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

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
const END: &str = "<!-- end of generated -->\n";
