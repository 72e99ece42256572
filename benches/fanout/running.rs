//! One server, as one process or a family of them: started on its processors, watched, and ended.

use crate::cores::Cores;
use crate::cpu;
use crate::nginx;
use crate::subject::{Says, Who};
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running server. Dropped, all its processes are killed.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Running {
    /// Starts a server, and waits until it listens.
    ///
    /// # Errors
    ///
    /// It is not installed, ends at once, or does not listen in time.
    pub(crate) fn start(who: Who, cores: &Cores) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (mut command, says) = who.command(folder.path())?;
        command.current_dir(folder.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(fs::File::create(folder.path().join(ERRORS))?);
        let given = match says {
            Says::Address => None,
            Says::Nothing => Some(free_address()?),
        };
        if let Some(address) = given {
            let text = nginx::configuration(address.port(), folder.path());
            fs::write(folder.path().join("nginx.conf"), text)?;
        }
        // A process begins on the processors of the thread that starts it.
        cores.be_server(who.workers())?;
        let child = spawn(&mut command);
        cores.be_generator()?;
        let child = child?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut running = Self { child, address, _folder: folder };
        let listens = match given {
            None => running.read_address(),
            Some(address) => running.wait_for(address).map(|()| address),
        };
        running.address = listens.with_context(|| running.complaint())?;
        Ok(running)
    }

    /// The process, and those it has started by now: some do so after they listen.
    ///
    /// # Errors
    ///
    /// There is no such process any more.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        cpu::family(self.child.id())
    }

    fn read_address(&mut self) -> Result<SocketAddr> {
        let output = self.child.stdout.take().context("no standard output")?;
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = String::new();
            let read = output.read_line(&mut line);
            // Nobody waits any more when that was too late.
            let _late = send.send(read.map(|_| line));
            let _rest = output.read_to_end(&mut Vec::new());
        });
        let line =
            receive.recv_timeout(START_WAIT).context("it does not say where it listens")??;
        let address = line.trim_end().strip_prefix("listening on http://");
        address.with_context(|| format!("it says {line:?}"))?.parse().context("no address")
    }

    fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}");
            }
            if start.elapsed() > START_WAIT {
                bail!("it does not listen");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What it has said of its troubles: the end of it.
    fn complaint(&mut self) -> String {
        // What has ended has said everything.
        let _status = self.child.try_wait();
        let said = fs::read_to_string(self._folder.path().join(ERRORS)).unwrap_or_default();
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let start = lines.len().saturating_sub(3);
        format!("the server did not start: {}", lines[start..].join(" / "))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let signal = |process: u32, signal| {
            let process = Pid::from_raw(process as i32);
            let _gone = process.map(|process| kill_process(process, signal));
        };
        // The children of a killed process would go on, also one that it starts at this moment.
        signal(self.child.id(), Signal::STOP);
        for process in cpu::family(self.child.id()).unwrap_or_default() {
            signal(process, Signal::KILL);
        }
        let _status = self.child.wait();
    }
}

fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| format!("starting {:?}", command.get_program()))
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

const ERRORS: &str = "errors";
/// A cold start on a busy machine.
const START_WAIT: Duration = Duration::from_secs(20);
