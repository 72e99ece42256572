//! The clients that come back: each connects, asks for what it has missed, and goes once it has it.

use super::{DIGITS, Found, Resume, TIME_MAX};
use crate::hostile::attacker::{connect, get};
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    cell::RefCell,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt as _, net::TcpStream, sync::Semaphore, task::spawn_local, time::timeout_at,
};

/// All of them, on one thread.
pub(super) struct Clients {
    plan: Resume,
    address: SocketAddr,
    /// The position from which all resume.
    since: String,
    /// For those that connect and ask. Without a bound all would connect first, and ask when that is too late.
    opening: Semaphore,
    found: RefCell<Found>,
    /// For one read at a time.
    buffer: RefCell<Vec<u8>>,
}

/// What one of them has had.
#[derive(Default)]
struct Had {
    serials: usize,
    out_of_order: u64,
    gaps: u64,
    /// What was not whole at the end of the last read.
    rest: Vec<u8>,
}

impl Clients {
    pub(super) fn new(plan: Resume, address: SocketAddr, since: String) -> Rc<Self> {
        let (found, buffer) = (RefCell::default(), RefCell::new(vec![0; READ_BYTES]));
        let opening = Semaphore::new(OPENING_MAX);
        Rc::new(Self { plan, address, since, opening, found, buffer })
    }

    /// Returns what they found, and how long it took from the first SYN to the last message.
    ///
    /// # Errors
    ///
    /// None of the clients': they are counted.
    pub(super) async fn run(self: Rc<Self>) -> Result<(Found, Duration)> {
        let open = Rc::new(Semaphore::new(self.plan.open_max));
        let start = Instant::now();
        let deadline = start + TIME_MAX;
        let mut clients = Vec::with_capacity(self.plan.clients);
        for number in 0..self.plan.clients {
            let permit = Rc::clone(&open);
            // Those that are open go on while this one waits for its turn.
            let this = Rc::clone(&self);
            clients.push(spawn_local(async move {
                let _permit = permit.acquire().await;
                let had = timeout_at(deadline.into(), this.resume(number)).await;
                let had = had.context("not everything had come in time").and_then(|had| had);
                this.add(had);
            }));
        }
        for client in clients {
            client.await?;
        }
        let took = start.elapsed();
        Ok((self.found.take(), took))
    }

    async fn resume(&self, number: usize) -> Result<Had> {
        let (channels, since) = (self.plan.channels, &self.since);
        // The ports of one address are too few.
        let last = u8::try_from(number % SOURCES)? + 1;
        let opening = self.opening.acquire().await?;
        let mut socket = connect(self.address, Ipv4Addr::new(127, 0, 7, last)).await?;
        let path = format!("/events?channel=missed.c{}&since={since}", number % channels);
        socket.write_all(&get(&path)).await?;
        drop(opening);
        let mut had = Had::default();
        while had.serials < self.plan.missed {
            socket.readable().await?;
            self.read(&socket, &mut had)?;
        }
        Ok(had)
    }

    fn read(&self, socket: &TcpStream, had: &mut Had) -> Result<()> {
        let mut buffer = self.buffer.borrow_mut();
        match socket.try_read(&mut buffer) {
            Ok(0) => bail!("cut off after {} messages: {}", had.serials, had.tail()),
            Ok(count) => {
                had.rest.extend_from_slice(buffer.get(..count).unwrap_or_default());
                had.look()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn add(&self, had: Result<Had>) {
        let mut found = self.found.borrow_mut();
        match had {
            Ok(had) => {
                found.messages += u64::try_from(had.serials).unwrap_or(u64::MAX);
                found.out_of_order += had.out_of_order;
                found.gaps += had.gaps;
            }
            Err(error) => {
                found.failed += 1;
                found.failure.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }
}

impl Had {
    /// Takes every whole event.
    fn look(&mut self) -> Result<()> {
        let mut taken = 0;
        while let Some(rest) = self.rest.get(taken..)
            && let Some(end) = rest.windows(2).position(|window| window == b"\n\n")
        {
            let event = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
            taken += end + 2;
            ensure!(!event.contains("HTTP/1.1 5"), "refused: {event}");
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            let Some(data) = data else { continue };
            if event.contains("event: $gap") {
                self.gaps += 1;
                continue;
            }
            let serial = data.get(..DIGITS).and_then(|digits| digits.parse().ok());
            ensure!(serial.is_some(), "not a message that was missed: {event}");
            self.out_of_order += u64::from(serial != Some(self.serials));
            self.serials += 1;
        }
        self.rest.drain(..taken);
        Ok(())
    }

    fn tail(&self) -> String {
        let start = self.rest.len().saturating_sub(TAIL_BYTES);
        String::from_utf8_lossy(self.rest.get(start..).unwrap_or_default()).into_owned()
    }
}

const SOURCES: usize = 8;
const OPENING_MAX: usize = 500;
const READ_BYTES: usize = 64 << 10;
/// What is shown of an answer that ended too early.
const TAIL_BYTES: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_messages_are_counted_at_every_cut_and_their_order_is_looked_at() {
        let wire = "HTTP/1.1 200 OK\r\n\r\n1f\r\nretry: 2000\nid: a-1\n\n\r\n1f\r\nid: a-2\ndata: 000000xx\n\n\r\n\
                    1f\r\nevent: $gap\ndata: {}\n\n\r\n1f\r\nid: a-4\ndata: 000002xx\n\n\r\n";
        for cut in 0..=wire.len() {
            let mut had = Had::default();
            let (first, second) = wire.as_bytes().split_at(cut);
            for part in [first, second] {
                had.rest.extend_from_slice(part);
                had.look().unwrap();
            }
            assert_eq!((had.serials, had.out_of_order, had.gaps), (2, 1, 1), "{cut}");
        }
    }
}
