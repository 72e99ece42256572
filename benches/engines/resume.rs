//! The first message of a resume at a place in the middle of a channel's past: in a store of few
//! messages and in one of many, in turns.

use crate::{
    EPOCH,
    filled::{Filled, name},
};
use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tidewire_broker::{Broker, ChannelName, Gathered, Grant, Reader, Start};
use tidewire_protocol::Position;

/// By a reader, without a server: of channels read before, so that both stores hold the pages it
/// takes and only the way down the tree differs; then of channels never read, among many.
pub(crate) fn measure(stores: &[Filled; 2], brokers: [&Broker; 2]) {
    let of_few = |round, store: &Filled| name(round % FEW * (store.channels / FEW));
    let at = |store: usize, round| resume(brokers[store], of_few(round, &stores[store]));
    let _warm: Vec<_> = (0..FEW).map(|round| (at(0, round), at(1, round))).collect();
    compare("by a reader, pages held", at);
    let mut times: Vec<Duration> =
        (0..ROUNDS).map(|round| resume(brokers[1], of_many(round, &stores[1]))).collect();
    println!("resume by a reader, in many, pages not held: {:.1?}", median(&mut times));
}

/// By an event stream, from a client's connecting to its first message: each time of another
/// channel, as far as there are others.
pub(crate) fn measure_over_http(stores: &[Filled; 2]) {
    let Some(binary) = env::var_os("TIDEWIRE_BIN") else {
        return println!("resume over HTTP: not measured, as TIDEWIRE_BIN names no server");
    };
    let servers = stores.each_ref().map(|store| Server::start(&binary, store));
    compare("over HTTP", |store, round| servers[store].resume(of_many(round, &stores[store])));
}

/// A channel that this round is the first to name, where there are enough.
fn of_many(round: u64, store: &Filled) -> ChannelName {
    name((round * 7_919 + 1) % store.channels)
}

fn compare(how: &str, mut resume: impl FnMut(usize, u64) -> Duration) {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        times[0].push(resume(0, round));
        times[1].push(resume(1, round));
    }
    let [few, many] = times.each_mut().map(|times| median(times));
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    println!("resume {how}: {few:.1?} in few, {many:.1?} in many, {ratio:.2} times");
}

fn resume(broker: &Broker, channel: ChannelName) -> Duration {
    let place = broker.position(broker.head() / 2);
    let (began, mut reader) = (Instant::now(), Reader::default());
    let mut gathered = Gathered::default();
    let permit = Grant::open().permit_subscribe(&channel.into()).unwrap();
    reader.follow(broker, &[permit], Start::after(place));
    reader.gather(broker, broker.head(), 1, &mut gathered);
    let took = began.elapsed();
    assert_eq!(gathered.messages().count(), 1);
    took
}

/// A server on a store, ended when dropped.
struct Server {
    process: Child,
    address: String,
    /// Where its clients were cut off.
    place: Position,
}

impl Server {
    fn start(binary: &OsStr, store: &Filled) -> Self {
        let mut process = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(store.home.path())
            .current_dir(store.home.path())
            .env_remove("TIDEWIRE_BIN")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap().to_owned();
        let place = Position { epoch: EPOCH, offset: store.messages / 2 };
        Self { process, address, place }
    }

    fn resume(&self, channel: ChannelName) -> Duration {
        let Self { address, place, .. } = self;
        let request = format!(
            "GET /events?channel={channel} HTTP/1.1\r\nHost: {address}\r\nLast-Event-ID: {place}\r\n\r\n"
        );
        let began = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        let data = lines.find(|line| line.starts_with("data:") || line.starts_with("event: $gap"));
        let took = began.elapsed();
        assert!(data.unwrap().starts_with("data:"), "a gap");
        took
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Channels that are read again and again.
const FEW: u64 = 100;
const ROUNDS: u64 = 1_001;
