//! The run as a file, `benches/records/DATE-MACHINE-codecs.csv`, and those of other machines.

use crate::rounds::Measured;
use anyhow::Result;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};
use time::OffsetDateTime;

/// Where and when the run took place, and the file that says what it found.
pub(crate) struct Record {
    pub(crate) path: PathBuf,
    date: String,
}

impl Record {
    /// The processor and the date, for a chart.
    pub(crate) fn title(&self) -> String {
        format!("{}, {}", processor(), self.date)
    }
}

/// Writes the file; a second run of the day replaces it.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn write(results: &[Measured]) -> Result<Record> {
    let date = OffsetDateTime::now_utc().date().to_string();
    let path = folder().join(format!("{date}-{}-codecs.csv", slug()));
    fs::write(&path, csv(results))?;
    Ok(Record { path, date })
}

/// What another machine's newest record says: nanoseconds by group, case and subject.
#[derive(Default)]
pub(crate) struct Elsewhere(BTreeMap<(String, String, String), f64>);

impl Elsewhere {
    /// The time of a subject in a case, if that machine has measured it.
    pub(crate) fn ns(&self, group: &str, case: &str, subject: &str) -> Option<f64> {
        self.0.get(&(group.to_owned(), case.to_owned(), subject.to_owned())).copied()
    }

    fn parse(csv: &str) -> Self {
        let lines = csv.lines().filter(|line| !line.starts_with('#')).skip(1);
        Self(lines.filter_map(Self::parse_line).collect())
    }

    fn parse_line(line: &str) -> Option<((String, String, String), f64)> {
        let mut words = line.split(',');
        let mut word = || words.next().map(str::to_owned);
        Some(((word()?, word()?, word()?), word()?.parse().ok()?))
    }
}

/// The newest record of each other machine that there is, with the machine's name.
pub(crate) fn elsewhere() -> Vec<(String, Elsewhere)> {
    let mut newest: BTreeMap<String, (String, PathBuf)> = BTreeMap::new();
    let files = fs::read_dir(folder()).into_iter().flatten().flatten();
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_suffix("-codecs.csv") else { continue };
        // The date has ten characters, and sorts as it passes.
        let Some((date, machine)) = rest.split_at_checked(DATE.len()) else { continue };
        let entry = newest.entry(machine.trim_start_matches('-').to_owned()).or_default();
        *entry = std::mem::take(entry).max((date.to_owned(), file.path()));
    }
    newest.remove(&slug());
    let read = |(machine, (_, path)): (String, (String, PathBuf))| {
        Some((machine, Elsewhere::parse(&fs::read_to_string(path).ok()?)))
    };
    newest.into_iter().filter_map(read).collect()
}

fn csv(results: &[Measured]) -> String {
    let mut csv = format!("# {}\n", processor());
    csv.push_str("group,case,subject,ns_min,ns_median,bytes,ratio,notes\n");
    for case in results {
        for row in &case.rows {
            let (group, name, subject) = (case.group, case.name, row.subject);
            let (least, median, ratio) = (row.ns_min, row.ns_median, case.ratio(row));
            let (bytes, notes) = (case.bytes, row.notes.replace(',', ";"));
            writeln!(
                csv,
                "{group},{name},{subject},{least:.1},{median:.1},{bytes},{ratio:.2},{notes}"
            )
            .unwrap();
        }
    }
    csv
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("records")
}

/// The processor, as a part of a file's name.
fn slug() -> String {
    let words = processor().to_lowercase();
    let plain = words.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    plain.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// The processor, as Linux names it. Virtual machines hide the model's name, but not its numbers.
fn processor() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |name: &str| {
        let line = known.lines().find(|line| line.split(':').next().map(str::trim) == Some(name));
        line.and_then(|line| line.split(':').nth(1)).map(str::trim)
    };
    match (value("model name"), value("cpu family"), value("model")) {
        (Some(name), Some(family), Some(model)) => format!("{name} family {family} model {model}"),
        (name, ..) => name.unwrap_or(env::consts::ARCH).to_owned(),
    }
}

const DATE: &str = "2026-11-28";
