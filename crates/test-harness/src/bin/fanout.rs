//! Deliveries a second and server CPU a delivery, beside the floor in the same run.
//!
//! The server, and in its turn the floor, has processor 0; this load generator has processor 1.

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use std::{
    env,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process, thread,
    time::{Duration, Instant},
};
use tidewire_test_harness::{
    load::{
        Readers, Tally, Wire, cpu_time, open, payload, raise_descriptor_limit, serve_actix_ws,
        serve_floor, user_time,
    },
    server::{Server, binary, pinned},
};
use tokio::{task::LocalSet, time::sleep};

/// Measure fan-out: one publisher, many subscribers, and the same bytes by a loop of `send`
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// Subscribers
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    connections: u64,
    /// Publishes a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(12..))]
    bytes: u16,
    /// How long to publish
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// How subscribers follow
    #[arg(long, value_enum, default_value_t = Wire::Ws)]
    wire: Wire,
    /// Measure this one too, over raw WebSockets
    #[arg(long, value_enum)]
    peer: Option<Peer>,
    /// How often all take turns; the best of each counts, for noise only ever adds
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Leave the floor out
    #[arg(long)]
    no_floor: bool,
    /// Exit 1 unless a delivery costs at most this many times the floor
    #[arg(long)]
    ratio_max: Option<f64>,
    /// Exit 1 unless at least this many deliveries are made a second
    #[arg(long)]
    deliveries_min: Option<f64>,
    /// Measure 100/s and 3,000/s, and exit 1 above 1.25 times the floor or below 2.5 M deliveries/s
    #[arg(long, conflicts_with_all = ["rate", "ratio_max", "deliveries_min", "no_floor"])]
    check: bool,
    /// Used by the program itself: be that contestant
    #[arg(long, hide = true)]
    be: Option<Contestant>,
}

/// Something to compare with.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Peer {
    /// A list of actix-ws sessions and a loop
    ActixWs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Contestant {
    Tidewire,
    ActixWs,
    Floor,
}

/// What one contestant did.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    tally: Tally,
    expected: u64,
    elapsed: Duration,
    cpu: Duration,
    /// What of it was not in the kernel.
    user: Duration,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(contestant) = arguments.be {
        return contestant.be(&arguments);
    }
    if env::var_os(PINNED).is_none() {
        let mut command = process::Command::new("taskset");
        command.arg("-c").arg(LOAD_PROCESSOR.to_string()).arg(env::current_exe()?);
        let status = command.args(env::args_os().skip(1)).env(PINNED, "1").status();
        let status = status.context("taskset, of util-linux, is needed")?;
        process::exit(status.code().unwrap_or(1));
    }
    raise_descriptor_limit()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        if !arguments.check {
            return compare(&arguments).await;
        }
        let ratio_max = Some(RATIO_MAX);
        compare(&Arguments { rate: 100, rounds: 3, ratio_max, ..arguments.clone() }).await?;
        let deliveries_min = Some(DELIVERIES_MIN);
        compare(&Arguments { rate: 3_000, no_floor: true, deliveries_min, ..arguments }).await
    })
}

async fn compare(arguments: &Arguments) -> Result<()> {
    let Arguments { connections, rate, bytes, seconds, wire, .. } = arguments;
    println!(
        "{connections} subscribers ({wire:?}), {rate} publishes/s of {bytes} B for {seconds} s"
    );
    println!(
        "{:<10} {:>14} {:>16} {:>8} {:>6} {:>10} {:>8} {:>11} {:>6}",
        "",
        "deliveries/s",
        "CPU us/delivery",
        "of user",
        "CPU %",
        "each read",
        "lost",
        "disordered",
        "gaps"
    );
    let mut contestants = vec![Contestant::Tidewire];
    contestants.extend(arguments.peer.map(|Peer::ActixWs| Contestant::ActixWs));
    contestants.extend((!arguments.no_floor).then_some(Contestant::Floor));
    let mut outcomes = Vec::new();
    for _ in 0..arguments.rounds {
        for contestant in &contestants {
            let outcome = contestant.measure(arguments).await?;
            outcome.report(*contestant);
            outcomes.push((*contestant, outcome));
        }
    }

    let of = |wanted| outcomes.iter().filter(move |(who, _)| *who == wanted).map(|(_, one)| one);
    let least_us = |who| of(who).map(|outcome| outcome.each_us(outcome.cpu)).reduce(f64::min);
    let most_each_second = of(Contestant::Tidewire).map(Outcome::each_second).reduce(f64::max);
    ensure!(of(Contestant::Tidewire).all(Outcome::is_clean), "something was lost or disordered");
    if let (Some(ours), Some(floor)) = (least_us(Contestant::Tidewire), least_us(Contestant::Floor))
    {
        let ratio = ours / floor;
        println!("CPU a delivery: {ratio:.2} times the floor");
        let ratio_max = arguments.ratio_max.unwrap_or(f64::INFINITY);
        ensure!(ratio <= ratio_max, "above {ratio_max} times the floor");
    }
    let deliveries_min = arguments.deliveries_min.unwrap_or(0.0);
    ensure!(most_each_second >= Some(deliveries_min), "below {deliveries_min} deliveries/s");
    Ok(())
}

impl Contestant {
    async fn measure(self, arguments: &Arguments) -> Result<Outcome> {
        let mut command = match self {
            Self::Tidewire => pinned(SERVER_PROCESSOR, binary()?),
            Self::ActixWs | Self::Floor => pinned(SERVER_PROCESSOR, env::current_exe()?),
        };
        match self {
            Self::Tidewire => {
                command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"]);
            }
            Self::ActixWs | Self::Floor => {
                let name = if self == Self::Floor { "floor" } else { "actix-ws" };
                for (flag, value) in [
                    ("--connections", arguments.connections),
                    ("--rate", arguments.rate),
                    ("--bytes", arguments.bytes.into()),
                    ("--seconds", arguments.seconds),
                ] {
                    command.arg(flag).arg(value.to_string());
                }
                command.args(["--be", name]);
            }
        }
        let server = Server::run(command).await?;
        let wire = match self {
            Self::Tidewire => arguments.wire,
            Self::ActixWs => Wire::Ws,
            Self::Floor => Wire::Bare,
        };
        let count = usize::try_from(arguments.connections)?;
        let readers = Readers::open(server.address(), count, wire, CHANNEL).await?;
        let publisher = match self {
            Self::Floor => None,
            _ => Some(open(server.address(), Wire::Ws, CHANNEL).await?.0),
        };
        if publisher.is_some() {
            sleep(SETTLE).await;
        }
        let (cpu_before, user_before) = (cpu_time(server.id()?)?, user_time(server.id()?)?);
        let beginning = Instant::now();
        if let Some(publisher) = publisher {
            let (publisher, arguments) = (publisher.into_std()?, arguments.clone());
            publisher.set_nonblocking(false)?;
            thread::spawn(move || publish(publisher, &arguments));
        }
        let expected = arguments.messages() * arguments.connections;
        let patience = Duration::from_secs(arguments.seconds + 20);
        while readers.tally().delivered < expected && beginning.elapsed() < patience {
            sleep(Duration::from_millis(1)).await;
        }
        let (elapsed, cpu) = (beginning.elapsed(), cpu_time(server.id()?)? - cpu_before);
        let user = user_time(server.id()?)?.saturating_sub(user_before);
        Ok(Outcome { tally: readers.tally(), expected, elapsed, cpu, user })
    }

    fn be(self, arguments: &Arguments) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        println!("listening on http://{}", listener.local_addr()?);
        if self != Self::Floor {
            return serve_actix_ws(listener);
        }
        let connections = usize::try_from(arguments.connections)?;
        serve_floor(&listener, connections, arguments.rate, arguments.messages(), |serial| {
            let mut frame = Vec::new();
            ws_frame::encode_text(&payload(serial, arguments.bytes.into()), None, &mut frame);
            frame
        })
    }
}

impl Arguments {
    fn messages(&self) -> u64 {
        self.rate * self.seconds
    }
}

impl Outcome {
    fn each_us(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / count(self.tally.delivered.max(1))
    }

    fn each_second(&self) -> f64 {
        count(self.tally.delivered) / self.elapsed.as_secs_f64()
    }

    fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.tally.delivered)
    }

    fn is_clean(&self) -> bool {
        self.lost() == 0 && self.tally.out_of_order == 0 && self.tally.gaps == 0
    }

    fn report(&self, contestant: Contestant) {
        println!(
            "{:<10} {:>14.0} {:>16.2} {:>8.2} {:>6.0} {:>10.1} {:>8} {:>11} {:>6}",
            format!("{contestant:?}").to_lowercase(),
            self.each_second(),
            self.each_us(self.cpu),
            self.each_us(self.user),
            self.cpu.as_secs_f64() / self.elapsed.as_secs_f64() * 100.0,
            count(self.tally.delivered) / count(self.tally.reads.max(1)),
            self.lost(),
            self.tally.out_of_order,
            self.tally.gaps,
        );
    }
}

/// Publishes over a raw WebSocket, whose frames are published as they are.
///
/// For a thread of its own: on that of the readers it would be late whenever they are busy, and
/// then publish in bursts, which are cheaper to deliver.
fn publish(mut socket: TcpStream, arguments: &Arguments) -> Result<()> {
    let (mut echo, mut frame) = (vec![0; 1 << 16], Vec::new());
    let beginning = Instant::now();
    for serial in 0..arguments.messages() {
        let due = beginning + Duration::from_nanos(serial * 1_000_000_000 / arguments.rate);
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            thread::sleep(early);
        }
        frame.clear();
        let text = payload(serial, arguments.bytes.into());
        ws_frame::encode_text(&text, Some([1, 2, 3, 4]), &mut frame);
        socket.write_all(&frame)?;
        // Its own messages come back, and are of no interest.
        socket.set_nonblocking(true)?;
        while socket.read(&mut echo).is_ok_and(|count| count > 0) {}
        socket.set_nonblocking(false)?;
    }
    // They go on coming until the last subscriber has heard the last one, which ends the run.
    while socket.read(&mut echo).is_ok_and(|count| count > 0) {}
    Ok(())
}

/// A count as a number to divide.
#[expect(clippy::as_conversions, reason = "counts lie far below 2^53, where it is exact")]
fn count(count: u64) -> f64 {
    count as f64
}

/// Set in the process that was moved to its processor.
const PINNED: &str = "FANOUT_PINNED";
const SERVER_PROCESSOR: usize = 0;
const LOAD_PROCESSOR: usize = 1;
const SETTLE: Duration = Duration::from_millis(500);
const CHANNEL: &str = "fan";

/// The bounds that `--check` holds us to.
const RATIO_MAX: f64 = 1.25;
const DELIVERIES_MIN: f64 = 2_500_000.0;
