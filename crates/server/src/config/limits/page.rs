//! The tables of `docs/limits.md`, made of [`crate::limits::table`], and whether what they say is so.

use crate::{
    config::Settings,
    generated::check_page,
    limits::{
        Limit,
        table::{BYTES, COUNTS, DEADLINES, RATES, Row, Value},
    },
};
use clap::{Args as _, Command};
use std::{fs, path::Path};

#[test]
fn the_page_lists_every_limit_with_its_answer() {
    let tables = [
        ("limits: counts", table(COUNTS)),
        ("limits: rates", table(RATES)),
        ("limits: bytes", table(BYTES)),
        ("limits: deadlines", table(DEADLINES)),
    ];
    check_page("limits.md", &tables);
}

#[test]
fn every_setting_of_a_limit_has_a_row() {
    let settings: Vec<&str> = rows()
        .filter_map(|row| match row.value {
            Value::Setting(key) => Some(key),
            Value::Fixed(_) => None,
        })
        .collect();
    for limit in Limit::ALL {
        let label = format!("tidewire_limits_reached_total{{limit=\"{}\"}}", limit.setting());
        let row = rows().find(|row| row.metric == label);
        let row = row.unwrap_or_else(|| panic!("{} has no row", limit.setting()));
        assert!(matches!(row.value, Value::Setting(key) if key == limit.setting()));
    }
    let command = Settings::augment_args(Command::new("serve"));
    let of_limits =
        command.get_arguments().filter(|argument| argument.get_help_heading() == Some("Limits"));
    for argument in of_limits.map(|argument| argument.get_id().as_str()) {
        let is_there = settings.contains(&argument) != OF_THE_SERVER.contains(&argument);
        assert!(
            is_there,
            "{argument} needs a row in limits/table.rs, or has one and is of the server"
        );
    }
}

#[test]
fn every_row_names_a_metric_and_a_test_that_are_there() {
    let monitoring = read(&Path::new(DOCS).join("monitoring.md"));
    let mut sources = String::new();
    for folder in ["server/src", "connection/tests", "test-harness/tests"] {
        collect(&Path::new(CRATES).join(folder), &mut sources);
    }
    for row in rows() {
        let name = row.metric.split('{').next().unwrap();
        assert!(name.starts_with("none") || monitoring.contains(&format!("`{name}`")), "{name}");
        assert!(sources.contains(&format!("fn {}(", row.test)), "no test {}", row.test);
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    [COUNTS, RATES, BYTES, DEADLINES].into_iter().flatten()
}

fn table(rows: &[Row]) -> String {
    let mut table =
        "| what | setting | default | answer | counted by | tried by |\n|---|---|---|---|---|---|\n".to_owned();
    for Row { what, value, answer, metric, test } in rows {
        let (setting, default) = match value {
            Value::Setting(key) => (format!("`{key}`"), default(key)),
            Value::Fixed(value) => ("fixed".to_owned(), (*value).to_owned()),
        };
        let metric =
            if metric.starts_with("none") { (*metric).to_owned() } else { format!("`{metric}`") };
        table += &format!("| {what} | {setting} | {default} | {answer} | {metric} | `{test}` |\n");
    }
    table
}

/// The default of a setting, as `--help` says it.
fn default(key: &str) -> String {
    let command = Settings::augment_args(Command::new("serve"));
    let argument = command.get_arguments().find(|argument| argument.get_id() == key);
    let help =
        argument.unwrap_or_else(|| panic!("no setting {key}")).get_help().unwrap().to_string();
    let (_, default) = help.split_once(" [default: ").unwrap();
    default.trim_end_matches(']').to_owned()
}

fn collect(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, sources),
            false => sources.push_str(&read(&path)),
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

/// Those of the heading that limit what the server does, and no client.
const OF_THE_SERVER: [&str; 3] = ["gather_bytes_max", "page_messages_max", "dead_channels_max"];

const CRATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
