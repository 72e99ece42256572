//! Deliveries a second and server CPU a delivery, beside the floor in the same run.
//!
//! The server, and in its turn the floor, has processor 0; this load generator has processor 1.

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use std::{
    env,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tidewire_test_harness::load::{Readers, Tally, Wire, cpu_time, payload, pinned, serve_floor};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::LocalSet, time::sleep};

/// Measure fan-out: one publisher, many subscribers, and the same bytes by a loop of `send`.
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// Subscribers
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// Publishes a second
    #[arg(long, default_value_t = 100)]
    rate: u64,
    /// Bytes of a message, at least 12
    #[arg(long, default_value_t = 128)]
    bytes: usize,
    /// How long to publish
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How subscribers follow
    #[arg(long, value_enum, default_value_t = Wire::Ws)]
    wire: Wire,
    /// How often server and floor take turns
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Leave the floor out
    #[arg(long)]
    no_floor: bool,
    /// Exit 1 unless nothing is lost and a delivery costs at most this many times the floor
    #[arg(long)]
    ratio_max: Option<f64>,
    /// Exit 1 unless nothing is lost and at least this many deliveries are made a second
    #[arg(long)]
    deliveries_min: Option<f64>,
    /// Used by the program itself: be the floor, accepting on this port
    #[arg(long, hide = true)]
    be_floor: bool,
}

/// What one contestant did.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    tally: Tally,
    expected: u64,
    elapsed: Duration,
    cpu: Duration,
}

impl Outcome {
    fn cpu_each_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.tally.delivered.max(1) as f64
    }

    fn each_second(&self) -> f64 {
        self.tally.delivered as f64 / self.elapsed.as_secs_f64()
    }

    fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.tally.delivered)
    }

    fn is_clean(&self) -> bool {
        self.lost() == 0 && self.tally.out_of_order == 0 && self.tally.gaps == 0
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.bytes >= 12 && arguments.rate > 0, "--bytes from 12, --rate from 1");
    if arguments.be_floor {
        return be_floor(&arguments);
    }
    if env::var_os(PINNED).is_none() {
        let status = pinned(LOAD_PROCESSOR, env::current_exe()?)
            .args(env::args_os().skip(1))
            .env(PINNED, "1")
            .status()
            .context("taskset, of util-linux, is needed")?;
        std::process::exit(status.code().unwrap_or(1));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, compare(&arguments))
}

async fn compare(arguments: &Arguments) -> Result<()> {
    println!(
        "{} subscribers ({:?}), {} publishes/s of {} B for {} s",
        arguments.connections, arguments.wire, arguments.rate, arguments.bytes, arguments.seconds
    );
    println!(
        "{:<10} {:>14} {:>16} {:>8} {:>6} {:>10} {:>8}",
        "", "deliveries/s", "CPU us/delivery", "CPU %", "lost", "disordered", "gaps"
    );
    let (mut worst_ratio, mut ratios, mut is_good) = (0.0_f64, Vec::new(), true);
    for _ in 0..arguments.rounds {
        let server = measure_server(arguments).await?;
        report("tidewire", &server);
        is_good &= server.is_clean();
        is_good &= arguments.deliveries_min.is_none_or(|least| server.each_second() >= least);
        if !arguments.no_floor {
            let floor = measure_floor(arguments).await?;
            report("floor", &floor);
            ratios.push(server.cpu_each_us() / floor.cpu_each_us());
        }
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(median) = ratios.get(ratios.len() / 2) {
        worst_ratio = worst_ratio.max(*median);
        println!("ratio of CPU a delivery, tidewire to floor: {median:.2} (median)");
    }
    is_good &= arguments.ratio_max.is_none_or(|most| worst_ratio <= most);
    ensure!(is_good, "not within the bounds asked for, or something was lost");
    Ok(())
}

fn report(name: &str, outcome: &Outcome) {
    println!(
        "{name:<10} {:>14.0} {:>16.2} {:>8.0} {:>6} {:>10} {:>8}",
        outcome.each_second(),
        outcome.cpu_each_us(),
        outcome.cpu.as_secs_f64() / outcome.elapsed.as_secs_f64() * 100.0,
        outcome.lost(),
        outcome.tally.out_of_order,
        outcome.tally.gaps,
    );
}

async fn measure_server(arguments: &Arguments) -> Result<Outcome> {
    let binary = env::var("TIDEWIRE_BIN").unwrap_or_else(|_| "target/release/tidewire".into());
    let mut command = pinned(SERVER_PROCESSOR, binary);
    command.args(["--listen", "127.0.0.1:0", "--workers", "1"]).env_remove("TIDEWIRE_BIN");
    let server = Process::start(&mut command)?;
    let path = match arguments.wire {
        Wire::Sse => "/events?channel=fan",
        Wire::Ws | Wire::Bare => "/ws?channel=fan",
    };
    let readers =
        Readers::open(server.address, arguments.connections, arguments.wire, path).await?;
    let (publisher, _) =
        tidewire_test_harness::load::open(server.address, Wire::Ws, "/ws?channel=fan").await?;
    sleep(SETTLE).await;
    let (cpu, beginning) = (cpu_time(server.id())?, Instant::now());
    publish(publisher, arguments).await?;
    finish(arguments, &readers, server.id(), cpu, beginning).await
}

async fn measure_floor(arguments: &Arguments) -> Result<Outcome> {
    let mut command = pinned(SERVER_PROCESSOR, env::current_exe()?);
    command.args(env::args_os().skip(1)).arg("--be-floor");
    let floor = Process::start(&mut command)?;
    let readers = Readers::open(floor.address, arguments.connections, Wire::Bare, "").await?;
    let (cpu, beginning) = (cpu_time(floor.id())?, Instant::now());
    finish(arguments, &readers, floor.id(), cpu, beginning).await
}

/// Waits until everything is delivered, or nothing more comes.
async fn finish(
    arguments: &Arguments,
    readers: &Readers,
    process: u32,
    cpu: Duration,
    beginning: Instant,
) -> Result<Outcome> {
    let expected = arguments.rate * arguments.seconds * arguments.connections as u64;
    let patience = Duration::from_secs(arguments.seconds + 20);
    while readers.tally().delivered < expected && beginning.elapsed() < patience {
        sleep(Duration::from_millis(1)).await;
    }
    let (elapsed, cpu) = (beginning.elapsed(), cpu_time(process)? - cpu);
    Ok(Outcome { tally: readers.tally(), expected, elapsed, cpu })
}

/// Publishes over a raw WebSocket, whose frames are published as they are.
async fn publish(mut socket: TcpStream, arguments: &Arguments) -> Result<()> {
    let beginning = Instant::now();
    let (mut echo, mut frames) = (vec![0; 1 << 16], Vec::new());
    for serial in 0..arguments.rate * arguments.seconds {
        let due = beginning + Duration::from_nanos(serial * 1_000_000_000 / arguments.rate);
        while let Some(early) = due.checked_duration_since(Instant::now()) {
            if !frames.is_empty() {
                socket.write_all(&frames).await?;
                frames.clear();
            }
            sleep(early.max(Duration::from_millis(1))).await;
            // Its own messages come back, and are of no interest.
            while socket.try_read(&mut echo).is_ok_and(|count| count > 0) {}
        }
        let text = payload(serial, arguments.bytes);
        ws_frame::encode_text(&text, Some([1, 2, 3, 4]), &mut frames);
    }
    socket.write_all(&frames).await?;
    tokio::task::spawn_local(async move {
        while socket.readable().await.is_ok() {
            if socket.try_read(&mut echo).is_ok_and(|count| count == 0) {
                return;
            }
        }
    });
    Ok(())
}

fn be_floor(arguments: &Arguments) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on http://{}", listener.local_addr()?);
    let messages = arguments.rate * arguments.seconds;
    serve_floor(&listener, arguments.connections, arguments.rate, messages, |serial| {
        let mut frame = Vec::new();
        ws_frame::encode_text(&payload(serial, arguments.bytes), None, &mut frame);
        frame
    })
}

/// A process that listens, and ends with this value.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot be started")?;
        let mut line = String::new();
        let output = child.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().rsplit('/').next().unwrap_or_default().parse();
        let address = address.with_context(|| format!("no address in {line:?}"))?;
        Ok(Self { child, address })
    }

    fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PINNED: &str = "FANOUT_PINNED";
const SERVER_PROCESSOR: usize = 0;
const LOAD_PROCESSOR: usize = 1;
const SETTLE: Duration = Duration::from_millis(500);
