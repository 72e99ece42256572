//! `cargo xtask fuzz`: the codecs against their models, on bytes that libFuzzer makes up.
//!
//! Without a sanitizer the stable compiler will do: the little `unsafe` there is has tests of its own.
//! What a run finds it keeps outside the tree; `--minimise` brings the committed corpus up to date.

use crate::command;
use crate::install::{self, Need};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{self, PathBuf};
use std::process::{Command, Output};
use std::thread;

pub(crate) const NEEDS: [Need; 2] = [Need::CppCompiler, Need::CargoFuzz];

/// Runs what the command line asks for; [`SECONDS`] of every target when it asks for nothing.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let request = Request::parse(arguments)?;
    install::require(workspace, &NEEDS)?;
    command::run(&mut cargo_fuzz(workspace, "build"))?;
    match &request {
        Request::Fuzz { targets, seconds } => match targets[..] {
            // Alone it may show how it goes.
            [target] => {
                let mut command = fuzz(workspace, target, *seconds)?;
                let said = command::run_and_read(&mut command, command::Output::Error)?;
                closing_line(target, &said).map(drop)
            }
            _ => fuzz_at_once(workspace, targets, *seconds),
        },
        Request::Repeat { target, input } => {
            let mut repeat = cargo_fuzz(workspace, "run");
            let repeat = repeat.arg(target).arg(input);
            let said = command::run_and_read(repeat, command::Output::Error)?;
            if !said.lines().any(|line| line.starts_with("Executed ")) {
                bail!("{target} ended well, but does not say that it executed the input");
            }
            Ok(())
        }
        Request::Minimise { targets } => {
            targets.iter().try_for_each(|target| minimise(workspace, target))
        }
    }
}

/// Fuzzes several targets side by side. Their output would mix, so only its end is shown, or all of
/// it where something was found.
fn fuzz_at_once(workspace: &Workspace, targets: &[&'static str], seconds: u32) -> Result<()> {
    let mut runs = Vec::new();
    for target in targets {
        let mut command = fuzz(workspace, target, seconds)?;
        runs.push((target, thread::spawn(move || command.output())));
    }
    let mut repeats = Vec::new();
    for (target, run) in runs {
        let Ok(output) = run.join() else { bail!("{target}: its thread panicked") };
        let Output { status, stderr, .. } = output.context("cannot start cargo fuzz")?;
        let said = String::from_utf8_lossy(&stderr);
        if status.success() {
            println!("{target}: {}", closing_line(target, &said)?);
        } else {
            println!("{said}\n{target} ended with {status}");
            repeats.push(format!("cargo xtask fuzz {target} {}", input(&said).unwrap_or_default()));
        }
    }
    if !repeats.is_empty() {
        bail!("found something, as said above; once more:\n  {}", repeats.join("\n  "));
    }
    Ok(())
}

/// The line by which libFuzzer says how many inputs it tried: `Done 1048576 runs in 61 second(s)`.
///
/// # Errors
///
/// There is no such line, or it counts no run: the target ended without having been fuzzed.
fn closing_line<'a>(target: &str, said: &'a str) -> Result<&'a str> {
    let Some(line) = said.lines().rfind(|line| line.starts_with("Done ")) else {
        bail!(
            "{target} ended well, but without libFuzzer's closing line: it was not fuzzed\n{said}"
        );
    };
    let runs = line.split(' ').nth(1).and_then(|count| count.parse::<u64>().ok());
    if runs.is_none_or(|runs| runs == 0) {
        bail!("{target} was not fuzzed: {line}");
    }
    Ok(line)
}

/// Where libFuzzer says that it put the input it failed on.
fn input(said: &str) -> Option<&str> {
    said.lines().find_map(|line| line.rsplit_once("Test unit written to ")).map(|(_, file)| file)
}

/// The command that fuzzes one target, from what is committed and what earlier runs found.
fn fuzz(workspace: &Workspace, target: &str, seconds: u32) -> Result<Command> {
    let found = found(workspace, target);
    fs::create_dir_all(&found).with_context(|| format!("creating {}", found.display()))?;
    let mut command = cargo_fuzz(workspace, "run");
    command.arg(target).arg(found).arg(committed(workspace, target)).arg("--");
    command.args([format!("-max_total_time={seconds}"), format!("-max_len={INPUT_BYTES_MAX}")]);
    command.arg(format!("-timeout={INPUT_SECONDS_MAX}"));
    Ok(command)
}

/// Replaces the committed corpus by the fewest inputs that reach as much as all that there are.
fn minimise(workspace: &Workspace, target: &str) -> Result<()> {
    let (found, committed) = (found(workspace, target), committed(workspace, target));
    let fewest = workspace.target.join("fuzz-corpus").join(format!("{target}-fewest"));
    if fewest.exists() {
        fs::remove_dir_all(&fewest)?;
    }
    for folder in [&fewest, &found] {
        fs::create_dir_all(folder)?;
    }
    let folders = [&fewest, &committed, &found];
    let mut merge = cargo_fuzz(workspace, "run");
    merge.arg(target).args(folders).args(["--", "-set_cover_merge=1"]);
    command::run(merge.arg(format!("-max_len={COMMITTED_BYTES_MAX}")))?;

    if fs::read_dir(&fewest)?.next().is_none() {
        bail!("{target}: no input is left, which cannot be: the corpus stays as it was");
    }
    fs::remove_dir_all(&committed)?;
    fs::create_dir_all(&committed)?;
    let (mut files, mut bytes) = (0, 0);
    for input in fs::read_dir(&fewest)? {
        let input = input?;
        bytes += fs::copy(input.path(), committed.join(input.file_name()))?;
        files += 1;
    }
    println!("{target}: {files} inputs, {bytes} bytes");
    Ok(())
}

fn cargo_fuzz(workspace: &Workspace, verb: &str) -> Command {
    let mut command = workspace.cargo(&["fuzz", verb, "--sanitizer", "none", "--target-dir"]);
    command.arg(workspace.target.join("fuzz"));
    command
}

/// The inputs that every run starts from.
fn committed(workspace: &Workspace, target: &str) -> PathBuf {
    workspace.root.join("fuzz/corpus").join(target)
}

/// The inputs that runs on this machine found.
fn found(workspace: &Workspace, target: &str) -> PathBuf {
    workspace.target.join("fuzz-corpus").join(target)
}

/// What the command line asked for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Fuzz { targets: Vec<&'static str>, seconds: u32 },
    Repeat { target: &'static str, input: PathBuf },
    Minimise { targets: Vec<&'static str> },
}

impl Request {
    fn parse(arguments: &[String]) -> Result<Self> {
        let (mut seconds, mut minimise, mut names) = (SECONDS, false, Vec::new());
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seconds" => {
                    let digits = words.next().context("`--seconds` wants a number")?;
                    seconds = digits.parse().with_context(|| format!("`{digits}` seconds"))?;
                    if seconds == 0 {
                        bail!("`--seconds` is at least 1: to libFuzzer 0 is for ever");
                    }
                }
                "--minimise" => minimise = true,
                name => names.push(name),
            }
        }
        let targets = match names[..] {
            [] => TARGETS.to_vec(),
            [name] => vec![parse_target(name)?],
            [name, input] if !minimise => {
                // Cargo runs at the top of the workspace, the path may be said from elsewhere.
                let input = path::absolute(input)?;
                return Ok(Self::Repeat { target: parse_target(name)?, input });
            }
            _ => bail!("say [--seconds N | --minimise] [TARGET], or TARGET INPUT to repeat one"),
        };
        Ok(if minimise { Self::Minimise { targets } } else { Self::Fuzz { targets, seconds } })
    }
}

fn parse_target(name: &str) -> Result<&'static str> {
    let target = TARGETS.into_iter().find(|target| *target == name);
    target.with_context(|| format!("no target `{name}`; there are: {}", TARGETS.join(", ")))
}

const TARGETS: [&str; 5] = ["client_address", "parameters", "sse_codec", "tokens", "ws_frame"];

/// What every CI run spends on each target; by night it is an hour.
const SECONDS: u32 = 20;
/// Longer than every vector of the tests that has something to say.
const INPUT_BYTES_MAX: u32 = 2_048;
/// Reaches nine tenths of what the longest inputs do, in a quarter of their bytes.
const COMMITTED_BYTES_MAX: u32 = 256;
/// A thousand times what the slowest input takes: past it, something is in a loop.
const INPUT_SECONDS_MAX: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Request::parse(&words)
    }

    #[test]
    fn a_bare_call_gives_every_target_a_short_run() {
        let everything = Request::Fuzz { targets: TARGETS.to_vec(), seconds: SECONDS };
        assert_eq!(parse("").unwrap(), everything);
    }

    #[test]
    fn a_target_and_its_time_are_said_in_any_order() {
        let hour = Request::Fuzz { targets: vec!["ws_frame"], seconds: 3_600 };
        assert_eq!(parse("ws_frame --seconds 3600").unwrap(), hour);
        assert_eq!(parse("--seconds 3600 ws_frame").unwrap(), hour);
    }

    #[test]
    fn an_input_is_repeated_wherever_it_was_said_from() {
        let input = path::absolute("crash-1").unwrap();
        let repeat = Request::Repeat { target: "sse_codec", input };
        assert_eq!(parse("sse_codec crash-1").unwrap(), repeat);
    }

    #[test]
    fn one_corpus_or_all_are_minimised() {
        let one = Request::Minimise { targets: vec!["ws_frame"] };
        assert_eq!(parse("--minimise ws_frame").unwrap(), one);
        let all = Request::Minimise { targets: TARGETS.to_vec() };
        assert_eq!(parse("--minimise").unwrap(), all);
    }

    #[test]
    fn the_input_that_failed_is_found_in_what_was_said() {
        let said = "artifact_prefix='a/'; Test unit written to a/crash-1\nBase64: AA==\n";
        assert_eq!(input(said), Some("a/crash-1"));
        assert_eq!(input("cannot build"), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let [target, none, word, zero, many] = [
            "h2_frame",
            "--seconds",
            "--seconds soon",
            "--seconds 0",
            "--minimise ws_frame crash-1",
        ];
        for line in [target, none, word, zero, many] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_target_that_ends_without_its_closing_line_was_not_fuzzed() {
        let said = "#2\tINITED\nDone 71 runs in 61 second(s)\nstat: 1\n";
        assert_eq!(closing_line("ws_frame", said).unwrap(), "Done 71 runs in 61 second(s)");
        for said in ["", "INFO: seed corpus\n", "Done 0 runs in 0 second(s)\n", "Done well\n"] {
            assert!(closing_line("ws_frame", said).is_err(), "{said}");
        }
    }
}
