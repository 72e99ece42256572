//! A program beside us: started, listened to, waited for so long and no longer, never left behind.

use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, PipeReader, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A running program. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    name: String,
}

impl Program {
    /// Starts a program that talks into `log`.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(crate) fn start(mut command: Command, log: File) -> Result<Self> {
        command.stdout(log.try_clone()?).stderr(log);
        Self::spawn(command)
    }

    /// Starts a server; returns it with the address it gives on the line that begins with `says`.
    ///
    /// # Errors
    ///
    /// It cannot be started, or does not say that in time.
    pub(crate) fn listening(mut command: Command, says: &str, log: File) -> Result<(Self, String)> {
        let (output, input) = io::pipe()?;
        command.stdout(input.try_clone()?).stderr(input);
        let program = Self::spawn(command)?;
        let (found, address) = channel();
        let says = says.to_owned();
        // It goes on, so that the program can say what it wants as long as it lives.
        thread::spawn(move || listen(output, &says, &found, log));
        let address = address.recv_timeout(START_WAIT);
        let address =
            address.with_context(|| format!("{} does not say where it is", program.name))?;
        Ok((program, address))
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// It goes on after `duration_max`.
    pub(crate) fn wait(&mut self, duration_max: Duration) -> Result<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if started.elapsed() > duration_max {
                bail!("{} goes on after {} s", self.name, duration_max.as_secs());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn spawn(mut command: Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies `output` into `log`, and sends to `found` what follows the words `says`.
fn listen(output: PipeReader, says: &str, found: &Sender<String>, mut log: File) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Some(address) = line.strip_prefix(says) {
            // Nobody waits any more when it is late.
            let _ = found.send(address.to_owned());
        }
        // Without its log the program still runs.
        let _ = writeln!(log, "{line}");
    }
}

/// A cold start on a busy machine.
const START_WAIT: Duration = Duration::from_secs(20);

const LOOK_EVERY: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn nowhere() -> File {
        File::options().write(true).open("/dev/null").unwrap()
    }

    #[test]
    fn an_address_is_found_behind_other_words_and_on_either_output() {
        for script in ["echo hi; echo at 1:2; sleep 60", "echo at 1:2 >&2; sleep 60"] {
            let (_program, address) = Program::listening(shell(script), "at ", nowhere()).unwrap();
            assert_eq!(address, "1:2");
        }
    }

    #[test]
    fn one_that_ends_without_an_address_is_named_at_once() {
        let error = Program::listening(shell("echo hi"), "at ", nowhere()).unwrap_err();
        assert_eq!(error.to_string(), "sh does not say where it is");
    }

    #[test]
    fn one_that_takes_too_long_is_not_waited_for() {
        let mut program = Program::start(shell("sleep 60"), nowhere()).unwrap();
        let error = program.wait(Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.to_string(), "sh goes on after 0 s");
    }

    #[test]
    fn the_exit_status_is_reported() {
        let mut program = Program::start(shell("exit 3"), nowhere()).unwrap();
        assert_eq!(program.wait(START_WAIT).unwrap().code(), Some(3));
    }
}
