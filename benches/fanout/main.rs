//! What a delivery costs Tidewire, other servers, and a plain loop of `send`: CPU of the server process, in one run.
//!
//! `cargo xtask bench fanout` builds, installs and calls this. Each subject is a server process on a processor of its
//! own; subscribers and publisher have another one. Subjects take turns, so that what else the machine does hits all alike.

mod actix_ws;
mod chart;
mod cores;
mod cpu;
mod floor;
mod goals;
mod metrics_cost;
mod nginx;
mod plan;
mod publisher;
mod readers;
mod record;
mod round;
mod row;
mod running;
mod scraper;
mod subject;
mod table;
mod wire;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use cores::Cores;
use plan::{Load, Plan};
use record::{Absent, Record, Version};
use row::Row;
use running::Running;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use subject::{Peer, Subject, Who};

/// Measure what a delivery costs the server, beside other servers and a plain loop of `send`
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// Measure this server too; may be repeated
    #[arg(long = "peer", value_enum, value_name = "PEER")]
    peers: Vec<Peer>,
    /// Only this load, a number of publishes a second or `saturation`; may be repeated
    #[arg(long = "load", value_parser = Load::parse, value_name = "LOAD")]
    loads: Vec<Load>,
    /// How often all take turns
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=20))]
    rounds: Option<u64>,
    /// How long each measurement publishes
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: Option<u64>,
    /// Subscribers
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    connections: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(12..=16_384))]
    bytes: u16,
    /// No round begins after this many minutes
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    minutes_max: u64,
    /// One round of a second each; no record is written
    #[arg(long)]
    short: bool,
    /// Exit 1 if a goal is missed
    #[arg(long)]
    check: bool,
    /// Measure instead what it costs that deliveries are counted, beside a build that counts none; 7 rounds
    #[arg(long, conflicts_with_all = ["peers", "chart"])]
    without_metrics: bool,
    /// Measure nothing: draw the newest record again
    #[arg(long)]
    chart: bool,
    /// A peer that could not be installed, and why: PEER=REASON
    #[arg(long = "absent", value_parser = parse_absent, hide = true)]
    absent: Vec<Absent>,
    /// Used by the program itself: be that server
    #[arg(long, hide = true)]
    be: Option<Ours>,
}

/// The servers that this program is itself.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ours {
    Floor,
    ActixWs,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    if let Some(ours) = arguments.be {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        println!("listening on http://{}", listener.local_addr()?);
        return match ours {
            Ours::Floor => floor::serve(&listener),
            Ours::ActixWs => actix_ws::serve(listener),
        };
    }
    if arguments.chart {
        return draw(&Record::newest()?);
    }
    if arguments.without_metrics {
        let above = metrics_cost::measure(&arguments.plan())?;
        if arguments.check && above > 0 {
            bail!("{above} figures are above the bound");
        }
        return Ok(());
    }
    let record = measure(&arguments)?;
    table::print(&record);
    if arguments.is_for_the_record() {
        println!("\n{}", record.write()?.display());
        draw(&record)?;
    }
    let missed = goals::judge(&record).iter().filter(|goal| goal.is_met() == Some(false)).count();
    if arguments.check && missed > 0 {
        bail!("{missed} goals are missed");
    }
    Ok(())
}

fn draw(record: &Record) -> Result<()> {
    chart::draw(record)?.iter().for_each(|path| println!("{}", path.display()));
    Ok(())
}

/// Measures the subjects in turns, load by load, round by round.
fn measure(arguments: &Arguments) -> Result<Record> {
    let (plan, cores) = (arguments.plan(), Cores::find()?);
    let busy = cpu::busy_share().map(|share| (share * 1e3).round() / 1e3);
    cores.be_generator()?;
    let mut record = Record::begin(plan.clone(), cores.describe(), busy);
    record.absent.clone_from(&arguments.absent);
    let start = |peer| Running::start(Who::Peer(peer), &cores).map(drop);
    let subjects = Subject::all(&present(&arguments.peers, &mut record.absent, start));
    for who in subjects.iter().map(|subject| subject.who) {
        if record.versions.iter().all(|version| version.who != who) && who != Who::TidewireTwo {
            record.versions.push(Version { who, version: who.version() });
        }
    }
    let start = Instant::now();
    for round in 1..=plan.rounds {
        if start.elapsed() > Duration::from_secs(60 * arguments.minutes_max) {
            println!("the time is over after {} rounds", round - 1);
            record.plan.rounds = round - 1;
            break;
        }
        for load in &plan.loads {
            for subject in subjects.iter().filter(|subject| subject.takes(*load)) {
                turn(*subject, *load, round, &cores, &mut record)?;
            }
        }
    }
    Ok(record)
}

/// Measures once. What goes wrong with a peer is part of the record; what does with us is an error.
fn turn(
    subject: Subject,
    load: Load,
    round: u64,
    cores: &Cores,
    record: &mut Record,
) -> Result<()> {
    let place = record.rows.iter().position(|row| row.subject == subject && row.load == load);
    let place = place.unwrap_or_else(|| {
        record.rows.push(Row { subject, load, rounds: Vec::new(), broke_off: None });
        record.rows.len() - 1
    });
    let row = &mut record.rows[place];
    match round::measure(subject, load, &record.plan, cores) {
        Ok(found) => row.rounds.push(found),
        Err(error) if matches!(subject.who, Who::Peer(_)) => {
            row.broke_off = Some(format!("{error:#}"));
        }
        Err(error) => return Err(error),
    }
    println!("{}", table::progress(round, row));
    Ok(())
}

/// The peers that can be started; the others join those that are absent, with the reason.
fn present(
    peers: &[Peer],
    absent: &mut Vec<Absent>,
    mut start: impl FnMut(Peer) -> Result<()>,
) -> Vec<Peer> {
    let mut present = Vec::new();
    for peer in peers.iter().copied() {
        if present.contains(&peer) || absent.iter().any(|absent| absent.peer == peer) {
            continue;
        }
        match start(peer) {
            Ok(()) => present.push(peer),
            Err(error) => absent.push(Absent { peer, reason: format!("{error:#}") }),
        }
    }
    present
}

impl Arguments {
    fn plan(&self) -> Plan {
        let loads = if self.loads.is_empty() { Load::ALL.to_vec() } else { self.loads.clone() };
        let (seconds, rounds) = match (self.short, self.without_metrics) {
            (true, _) => (1, 1),
            (false, true) => (3, 7),
            (false, false) => (3, 3),
        };
        Plan {
            loads,
            connections: self.connections,
            bytes: self.bytes.into(),
            seconds: self.seconds.unwrap_or(seconds),
            rounds: self.rounds.unwrap_or(rounds),
        }
    }

    /// Whether the run is of the whole that records hold, so that it may replace one.
    fn is_for_the_record(&self) -> bool {
        !self.short && self.loads.is_empty() && !self.peers.is_empty()
    }
}

fn parse_absent(text: &str) -> Result<Absent, String> {
    let (name, reason) =
        text.split_once('=').ok_or("a peer is absent for a reason: PEER=REASON")?;
    Ok(Absent { peer: Peer::from_str(name, false)?, reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Arguments {
        Arguments::parse_from(["fanout"].iter().chain(words))
    }

    #[test]
    fn only_a_whole_run_beside_peers_is_for_the_record() {
        assert!(parse(&["--peer", "uws", "--peer", "node-ws"]).is_for_the_record());
        for words in [&["--peer", "uws", "--short"][..], &["--peer", "uws", "--load", "100"], &[]] {
            assert!(!parse(words).is_for_the_record(), "{words:?}");
        }
    }

    #[test]
    fn a_peer_that_cannot_be_installed_or_started_is_absent_with_its_reason() {
        let words = ["--peer", "nchan", "--peer", "uws", "--peer", "node-ws", "--peer", "uws"];
        let arguments = parse(&[&words[..], &["--absent", "nchan=no apt-get here"]].concat());
        let (mut absent, mut started) = (arguments.absent.clone(), Vec::new());
        let found = present(&arguments.peers, &mut absent, |peer| {
            started.push(peer);
            if peer == Peer::NodeWs {
                bail!("it ended with status 1")
            }
            Ok(())
        });
        assert_eq!((found, started), (vec![Peer::Uws], vec![Peer::Uws, Peer::NodeWs]));
        let reasons: Vec<_> = absent.iter().map(|one| (one.peer, &*one.reason)).collect();
        let expected = [(Peer::Nchan, "no apt-get here"), (Peer::NodeWs, "it ended with status 1")];
        assert_eq!(reasons, expected);
        assert!(parse_absent("nobody=x").is_err() && parse_absent("nchan").is_err());
    }
}
