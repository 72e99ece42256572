//! The run as a file: `benches/records/DATE-MACHINE-codecs.csv`.

use crate::rounds::Measured;
use anyhow::Result;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};
use time::OffsetDateTime;

/// Where and when the run took place, and the file that says what it found.
pub(crate) struct Record {
    pub(crate) path: PathBuf,
    machine: String,
    date: String,
}

impl Record {
    /// The machine and the date, for a chart.
    pub(crate) fn title(&self) -> String {
        format!("{}, {}", self.machine, self.date)
    }
}

/// Writes the file; a second run of the day replaces it.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn write(results: &[Measured]) -> Result<Record> {
    let machine = machine();
    let date = OffsetDateTime::now_utc().date().to_string();
    let slug = machine.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let name = format!("{date}-{slug}-codecs.csv");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("records").join(name);
    fs::write(&path, csv(results))?;
    Ok(Record { path, machine, date })
}

fn csv(results: &[Measured]) -> String {
    let mut csv = String::from("group,case,subject,ns_min,ns_median,bytes,ratio,notes\n");
    for case in results {
        for row in &case.rows {
            let (group, name, subject) = (case.group, case.name, row.subject);
            let (least, median, ratio) = (row.ns_min, row.ns_median, case.ratio(row));
            let (bytes, notes) = (case.bytes, row.notes);
            writeln!(
                csv,
                "{group},{name},{subject},{least:.1},{median:.1},{bytes},{ratio:.2},{notes}"
            )
            .unwrap();
        }
    }
    csv
}

/// The processor, as Linux names it.
fn machine() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = known.lines().find_map(|line| line.strip_prefix("model name"));
    let model = line.map(|line| line.trim_start_matches([' ', '\t', ':']));
    model.map_or_else(|| env::consts::ARCH.to_owned(), str::to_owned)
}
