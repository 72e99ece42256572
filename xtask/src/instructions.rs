//! `cargo xtask instructions`: instructions a message, counted by callgrind, beside the record: of the
//! codecs, of a delivery from the lane to the bytes that a socket takes, and of followers of wildcards. Of a
//! delivery also the cache lines that it touches.
//!
//! Unlike times they are the same on every machine and every day, as long as compiler and C library
//! are the record's. With others the figures are shown and nothing is refused; but a run that a
//! machine calls must have compared something.

mod record;
mod sum;

use crate::command::{self, find_program, read};
use crate::install::{self, Need};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use record::{Record, Row};
use std::fs;
use std::process::Command;

pub(crate) const NEEDS: [Need; 1] = [Need::Valgrind];

/// Compares, or with `--write REASON` records what is new.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let reason = match arguments {
        [] => None,
        [flag, reason] if flag == "--write" => Some(record::check_reason(reason)?),
        _ => bail!("say nothing, or --write \"the reason of the change\""),
    };
    install::require(workspace, &NEEDS)?;
    let file = workspace.root.join(RECORD);
    let record = Record::parse(&fs::read_to_string(&file).unwrap_or_default())
        .with_context(|| format!("reading {RECORD}"))?;
    let counted = count(workspace)?;
    print!("{}", record.table(&counted));
    if let Some(reason) = reason {
        fs::write(&file, record.with(&counted, reason).to_csv())?;
        println!("{RECORD} is written");
        return Ok(());
    }
    if install::is_called_by_a_machine() {
        record.check_comparable(&counted)?;
    }
    let mut findings = record.findings(&counted, percent_max);
    findings.extend(record::ratio_findings(&counted, &RATIOS));
    if !findings.is_empty() {
        bail!(
            "{}\nif that is as it should be: cargo xtask instructions --write \"REASON\"",
            findings.join("\n"),
        );
    }
    Ok(())
}

/// Runs every case under callgrind.
fn count(workspace: &Workspace) -> Result<Vec<Row>> {
    let valgrind = find_program(&["valgrind"]).context("no valgrind on PATH")?;
    command::run(&mut workspace.cargo(&["build", "--release", "--package", PACKAGE]))?;
    let folder = workspace.target.join("release");
    let output = workspace.target.join("instructions.callgrind");
    let toolchain = toolchain()?;
    let mut rows = Vec::new();
    for Program { name, options, counts } in PROGRAMS {
        for line in read(&mut Command::new(folder.join(name)))?.lines() {
            let (case, messages) = line.split_once(',').context("a program lists CASE,MESSAGES")?;
            let mut callgrind = Command::new(&valgrind);
            callgrind.args(["--quiet", "--tool=callgrind", COUNTED]).args(options);
            callgrind.arg(format!("--callgrind-out-file={}", output.display()));
            // Environment and path lie on the stack, and their lengths move what comes after them.
            callgrind.env_clear().env("GLIBC_TUNABLES", PLAIN_COPIES);
            callgrind.current_dir(&folder).arg(format!("./{name}")).arg(case);
            read(&mut callgrind).with_context(|| format!("counting `{case}`"))?;
            let counted = fs::read_to_string(&output)?;
            for (what, events) in counts {
                rows.push(Row {
                    case: format!("{case}{what}"),
                    count: sum::total(&counted, events)? / messages.parse::<u64>()?,
                    toolchain: toolchain.clone(),
                    reason: String::new(),
                });
            }
        }
    }
    Ok(rows)
}

/// By how many percent a count may differ from the record, up or down: what laying out the same code
/// differently may come to. Which lines of code are touched depends on where the linker puts each
/// function, and a change that no delivery runs moves them all.
fn percent_max(case: &str) -> u64 {
    if case.ends_with(LINES_OF_CODE) { 8 } else { 2 }
}

/// What decides which instructions there are: compiler, target and C library.
fn toolchain() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = read(Command::new(rustc).arg("-vV"))?;
    let line = |start| said.lines().find_map(|line| line.strip_prefix(start));
    let (Some(release), Some(host)) = (line("release: "), line("host: ")) else {
        bail!("rustc -vV says neither release nor host:\n{said}");
    };
    let libc = read(Command::new("getconf").arg("GNU_LIBC_VERSION")).unwrap_or_default();
    Ok(format!("rustc {release} {host} {}", libc.trim()).trim_end().to_owned())
}

const RECORD: &str = "benches/records/instructions.csv";
const PACKAGE: &str = "tidewire-instructions";

/// A program of `benches/instructions`, and what is counted of each of its cases.
struct Program {
    name: &'static str,
    /// Of callgrind.
    options: &'static [&'static str],
    /// What is said after the name of the case, and callgrind's names of the events that are summed up.
    counts: &'static [(&'static str, &'static [&'static str])],
}

/// The codecs' cases, a delivery's, those of followers of wildcards, and the memory that a delivery touches.
const PROGRAMS: [Program; 4] = [
    Program { name: "tidewire-instructions", options: &[], counts: INSTRUCTIONS },
    Program { name: "deliveries", options: &[], counts: INSTRUCTIONS },
    Program { name: "wildcards", options: &[], counts: INSTRUCTIONS },
    Program {
        name: "lines",
        options: &[
            "--cache-sim=yes",
            // Large enough for what one group of turns touches; the program empties it.
            "--LL=65536,16,64",
            // What they hold is not counted, so they are as small as they can be.
            "--I1=1024,2,64",
            "--D1=1024,2,64",
            "--toggle-collect=*this_is_not_counted*",
        ],
        counts: &[(": lines of data", &["DLmr", "DLmw"]), (LINES_OF_CODE, &["ILmr"])],
    },
];

const LINES_OF_CODE: &str = ": lines of code";

const INSTRUCTIONS: &[(&str, &[&str])] = &[("", &["Ir"])];

/// Pairs of cases of which the first may cost at most this percentage of the second, whatever the toolchain: the
/// same messages in more channels, and the bytes of streams that mean harm.
const RATIOS: [(&str, &str, u64); 5] = [
    ("archived-in-20000-channels", "archived-in-1000-channels", 150),
    ("sse line of 1 MiB byte by byte", "sse line of 64 KiB byte by byte", 110),
    ("sse line of 64 MiB in reads", "sse line of 4 MiB in reads", 110),
    ("sse a million blank lines", "sse 10 thousand blank lines", 110),
    ("sse field name of 10 MiB", "sse field name of 640 KiB", 110),
];

/// Only inside the function of that name in the programs of `benches/instructions/src`.
const COUNTED: &str = "--toggle-collect=*only_this_is_counted*";

/// The C library chooses its copying by the processor; this leaves it one choice on all of them.
const PLAIN_COPIES: &str =
    "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_code_may_differ_more_than_instructions_do() {
        assert_eq!(percent_max("delivery by SSE"), 2);
        assert_eq!(percent_max(&format!("100 deliveries by SSE{LINES_OF_CODE}")), 8);
    }
}
