//! The run as a file: `benches/records/DATE-MACHINE-fanout.json`.

use crate::plan::{Load, Plan};
use crate::row::Row;
use crate::subject::{Peer, Subject, Who};
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{env, fs};
use time::OffsetDateTime;

/// Everything that a run found, and where and when that was.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Record {
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) kernel: String,
    pub(crate) cores: String,
    /// The share of all processors that others used just before the run, of 1.
    pub(crate) busy_before: Option<f64>,
    pub(crate) plan: Plan,
    pub(crate) versions: Vec<Version>,
    /// Peers that were asked for and could not be had.
    pub(crate) absent: Vec<Absent>,
    pub(crate) rows: Vec<Row>,
}

/// Which server was measured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Version {
    pub(crate) who: Who,
    pub(crate) version: String,
}

/// A peer that was not measured, and why.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Absent {
    pub(crate) peer: Peer,
    pub(crate) reason: String,
}

impl Record {
    /// A record of nothing yet: here and today.
    pub(crate) fn begin(plan: Plan, cores: String, busy_before: Option<f64>) -> Self {
        Self {
            date: OffsetDateTime::now_utc().date().to_string(),
            machine: machine(),
            kernel: kernel(),
            cores,
            busy_before,
            plan,
            versions: Vec::new(),
            absent: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&self, subject: Subject, load: Load) -> Option<&Row> {
        self.rows.iter().find(|row| row.subject == subject && row.load == load)
    }

    /// Whether others used the machine, so that little can be said of its figures.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.busy_before.is_some_and(|share| share > BUSY_SHARE)
    }

    /// Where and when.
    pub(crate) fn title(&self) -> String {
        let Self { machine, kernel, date, .. } = self;
        let load = if self.is_disturbed() { ", while the machine did other work" } else { "" };
        format!("{machine}, Linux {kernel}, {date}{load}")
    }

    /// Writes the file; a second run of the day replaces it.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn write(&self) -> Result<PathBuf> {
        let slug = self.machine.to_lowercase();
        let slug = slug.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        let path = folder().join(format!("{}-{slug}-{SUFFIX}", self.date));
        fs::write(&path, self.to_json()?).with_context(|| path.display().to_string())?;
        Ok(path)
    }

    fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It is not there, or no such record.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| format!("{} is no record", path.display()))
    }

    /// Reads the newest file that is committed.
    ///
    /// # Errors
    ///
    /// No file is committed.
    pub(crate) fn newest() -> Result<Self> {
        let files = fs::read_dir(folder())?.map(|entry| Ok(entry?.path()));
        let files = files.collect::<Result<Vec<PathBuf>>>()?;
        let ours = |path: &PathBuf| path.to_str().is_some_and(|path| path.ends_with(SUFFIX));
        let newest = files.into_iter().filter(ours).max().context("there is no record yet")?;
        Self::read(&newest)
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("records")
}

/// The processor, as Linux names it.
fn machine() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = known.lines().find_map(|line| line.strip_prefix("model name"));
    let model = line.map(|line| line.trim_start_matches([' ', '\t', ':']));
    model.map_or_else(|| env::consts::ARCH.to_owned(), str::to_owned)
}

/// The kernel's version, without the name that its builder gave it.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let end = release.find(|letter: char| letter != '.' && !letter.is_ascii_digit());
    release[..end.unwrap_or(release.len())].to_owned()
}

const SUFFIX: &str = "fanout.json";
/// More than the kernel's own work and a terminal take.
const BUSY_SHARE: f64 = 0.05;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::round::Round;

    /// Two rounds of everybody, in which a peer fell behind at a rate and another one is absent.
    pub(crate) fn example() -> Record {
        let plan =
            Plan { loads: Load::ALL.to_vec(), connections: 10, bytes: 128, seconds: 3, rounds: 2 };
        let mut record = Record::begin(plan, "server on 0".to_owned(), Some(0.01));
        let costs = |subject: Subject| match subject.who {
            Who::Tidewire | Who::TidewireTwo | Who::Scraped | Who::Uncounted => 3.5,
            Who::Floor => 3.0,
            Who::Peer(_) => 4.0,
        };
        for subject in Subject::all(&[Peer::Uws, Peer::NodeWs]) {
            for load in Load::ALL {
                let scale = if load == Load::Rate(100) { 1e-6 } else { 1e-7 };
                let cpu = costs(subject) * 1e6 * scale;
                // As measured figures are: to the microsecond.
                let round_off = |time: f64| (time * 1e6).round() / 1e6;
                let delivered =
                    if subject.who == Who::Peer(Peer::NodeWs) { 900_000 } else { 1_000_000 };
                let expected = (load != Load::Saturation).then_some(1_000_000);
                let round = Round {
                    expected,
                    due: 1_000_000,
                    delivered,
                    reads: 10,
                    elapsed: 3.0,
                    cpu: round_off(cpu),
                    user: round_off(cpu * 0.08),
                    system: round_off(cpu * 0.92),
                    ..Round::default()
                };
                let rounds = vec![round; 2];
                record.rows.push(Row { subject, load, rounds, broke_off: None });
            }
        }
        record.versions.push(Version { who: Who::Tidewire, version: "tidewire 0.1.0".to_owned() });
        record.absent.push(Absent { peer: Peer::Nchan, reason: "no apt-get here".to_owned() });
        record
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = example();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let text = record.to_json().unwrap();
        fs::write(&path, &text).unwrap();
        assert!(Record::read(&path).unwrap() == record);
        for words in ["\"subject\": \"uws\"", "\"subject\": \"tidewire-two\"", "\"rate\": 2500"] {
            assert!(text.contains(words), "{words}");
        }
        fs::write(&path, "{}").unwrap();
        assert!(Record::read(&path).unwrap_err().to_string().ends_with("is no record"));
    }

    #[test]
    fn a_record_says_whether_the_machine_was_at_other_work() {
        let quiet = example();
        assert!(!quiet.is_disturbed() && !quiet.title().contains("other work"));
        let busy = Record { busy_before: Some(0.4), ..quiet };
        assert!(busy.is_disturbed() && busy.title().ends_with("while the machine did other work"));
    }

    #[test]
    fn every_committed_record_can_be_read() {
        if let Ok(record) = Record::newest() {
            assert!(!record.rows.is_empty());
        }
    }
}
