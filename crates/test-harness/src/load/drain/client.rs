//! One client: it follows a channel, is disconnected, comes back when it was asked to, and goes once it has everything.

use super::Shared;
use anyhow::{Context as _, Result, ensure};
use std::{collections::BTreeMap, net::Ipv4Addr, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::sleep,
};

pub(super) struct Client {
    number: usize,
    shared: Rc<Shared>,
    /// How often each serial has come.
    serials: BTreeMap<u64, u64>,
    /// The position of the goodbye.
    place: Option<String>,
    /// The time of the goodbye.
    retry: Option<Duration>,
    /// What was not whole at the end of the last read.
    rest: Vec<u8>,
}

impl Client {
    pub(super) fn new(number: usize, shared: Rc<Shared>) -> Self {
        let (serials, rest) = (BTreeMap::new(), Vec::new());
        Self { number, shared, serials, place: None, retry: None, rest }
    }

    pub(super) async fn run(mut self) -> Result<()> {
        let socket = self.open().await.context("it cannot connect")?;
        self.read(socket).await?;
        if self.place.is_none() || self.retry.is_none() {
            self.shared.count(|found| found.cut += 1);
        }
        sleep(self.retry.unwrap_or_default()).await;
        let socket = loop {
            match self.open().await {
                Ok(socket) => break socket,
                Err(_) => self.shared.count(|found| found.refused += 1),
            }
            sleep(REFUSED_PAUSE).await;
        };
        self.shared.returns.borrow_mut().extend(self.shared.since_signal());
        self.read(socket).await?;
        self.settle();
        Ok(())
    }

    /// Connects and asks, from the position that it has.
    async fn open(&mut self) -> Result<TcpStream> {
        let _opening = self.shared.opening.acquire().await?;
        let socket = TcpSocket::new_v4()?;
        // The ports of one address are too few.
        let last = u8::try_from(self.number % SOURCES)? + 1;
        socket.bind((Ipv4Addr::new(127, 0, 8, last), 0).into())?;
        let mut socket = socket.connect(self.shared.address).await?;
        let channel = self.number % self.shared.plan.channels;
        let since = self.place.as_ref().map(|place| format!("&since={place}")).unwrap_or_default();
        let request = format!(
            "GET /events?channel=drain.c{channel}{since} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await?;
        self.rest.clear();
        while !self.rest.windows(4).any(|window| window == b"id: ") {
            ensure!(socket.read_buf(&mut self.rest).await? > 0, "it ended early");
        }
        ensure!(self.rest.starts_with(b"HTTP/1.1 200"), "it was refused");
        self.shared.opened.set(self.shared.opened.get() + 1);
        Ok(socket)
    }

    /// Reads until the stream ends, or until it has everything.
    async fn read(&mut self, mut socket: TcpStream) -> Result<()> {
        loop {
            self.look();
            if self.shared.last.get().is_some_and(|last| self.serials.contains_key(&last)) {
                return Ok(());
            }
            if socket.read_buf(&mut self.rest).await? == 0 {
                return Ok(());
            }
        }
    }

    /// Takes every whole event.
    fn look(&mut self) {
        let mut taken = 0;
        while let Some(rest) = self.rest.get(taken..)
            && let Some(end) = rest.windows(2).position(|window| window == b"\n\n")
        {
            let event = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
            taken += end + 2;
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            if field("event: ") == Some("$goodbye") {
                self.shared.goodbyes.borrow_mut().extend(self.shared.since_signal());
                self.place = field("id: ").map(str::to_owned);
                let retry = field("retry: ").and_then(|retry| retry.parse().ok());
                self.retry = retry.map(Duration::from_millis);
            } else if let Some(serial) = field("data: ").and_then(|data| data.parse().ok()) {
                *self.serials.entry(serial).or_default() += 1;
            }
        }
        self.rest.drain(..taken);
    }

    /// Compares what has come with what was answered.
    fn settle(&self) {
        let channel = self.number % self.shared.plan.channels;
        let answered = self.shared.answered.borrow();
        let due = answered.get(channel).map_or(&[][..], Vec::as_slice);
        let lost = due.iter().filter(|serial| !self.serials.contains_key(serial)).count();
        let repeated: u64 = self.serials.values().map(|times| times - 1).sum();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.shared.count(|found| {
            found.expected += count(due.len());
            found.lost += count(lost);
            found.repeated += repeated;
        });
    }
}

const SOURCES: usize = 8;
/// Between two attempts to come back.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);
