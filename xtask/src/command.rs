//! Starting other programs: one way to run, one to read, with errors that show the command.

use anyhow::{Context as _, Result, bail};
use std::env;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The cargo that started us, so that a chosen toolchain stays chosen.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Runs `command` with our own input and output.
///
/// # Errors
///
/// It cannot be started, or does not end with status zero.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = spell(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs `command` and returns what it printed on standard output.
///
/// # Errors
///
/// As [`run`], or the output is not UTF-8.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = spell(command);
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}\n{}", output.status, complaint.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed no UTF-8"))
}

/// Which of a program's two outputs is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    Standard,
    Error,
}

/// Runs `command` as [`run`] does, and returns what it printed on one of its outputs, which is shown
/// at once all the same.
///
/// # Errors
///
/// As [`run`], or the output cannot be read or shown.
pub(crate) fn run_and_read(command: &mut Command, output: Output) -> Result<String> {
    let line = spell(command);
    match output {
        Output::Standard => command.stdout(Stdio::piped()),
        Output::Error => command.stderr(Stdio::piped()),
    };
    let mut child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
    let said = match (child.stdout.take(), child.stderr.take()) {
        (Some(pipe), _) => copy(pipe, io::stdout()),
        (None, Some(pipe)) => copy(pipe, io::stderr()),
        (None, None) => bail!("`{line}` has no output to read"),
    };
    let status = child.wait().with_context(|| format!("waiting for `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    said.with_context(|| format!("reading what `{line}` says"))
}

/// Shows everything from `source` as it arrives, and returns it at the end.
fn copy(mut source: impl Read, mut shown: impl Write) -> io::Result<String> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => return Ok(String::from_utf8_lossy(&all).into_owned()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let read = buffer.get(..count).unwrap_or_default();
        all.extend_from_slice(read);
        shown.write_all(read)?;
        shown.flush()?;
    }
}

/// The first of `names` that `PATH` holds.
pub(crate) fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let candidates = names.iter().flat_map(|name| folders.iter().map(move |dir| dir.join(name)));
    candidates.into_iter().find(|program| program.is_file())
}

/// The command as one would type it.
fn spell(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_returned_too_from_either_output() {
        let script = |text| {
            let mut shell = Command::new("sh");
            shell.args(["-c", text]);
            shell
        };
        let said = run_and_read(&mut script("echo one; echo two"), Output::Standard);
        assert_eq!(said.unwrap(), "one\ntwo\n");
        let said = run_and_read(&mut script("echo three >&2"), Output::Error);
        assert_eq!(said.unwrap(), "three\n");
        assert!(run_and_read(&mut script("echo four; exit 1"), Output::Standard).is_err());
    }
}
