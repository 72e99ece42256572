//! A TCP proxy that misbehaves by command or by seed, with no help from the kernel.
//!
//! It forwards to one address. [`Faults`] say how; they can change while connections are open, and
//! [`Proxy::cut`] ends those that are.

mod faults;
mod intermediary;
mod link;

pub use faults::{Break, Ending, Faults, Flow};
pub use intermediary::Intermediary;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// A running proxy; dropped, it ends every connection it carries.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    orders: watch::Sender<Orders>,
    accepted: Arc<AtomicU64>,
    passed_down: Arc<AtomicU64>,
    acceptor: JoinHandle<()>,
}

/// The orders to all links.
#[derive(Clone, Copy, Debug)]
struct Orders {
    manner: Manner,
    /// How often connections were cut; a link ends when this moves.
    cuts: u64,
    ending: Ending,
}

#[derive(Clone, Copy, Debug)]
enum Manner {
    /// All connections alike.
    Same(Faults),
    /// Each by its own number.
    Seeded(u64),
}

impl Proxy {
    /// Listens on a free loopback port and forwards to `target`, without faults to begin with.
    ///
    /// # Errors
    ///
    /// No port could be had.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        Self::listen(target, Manner::Same(Faults::default())).await
    }

    /// The same with faults drawn for each connection from `seed` and its number.
    ///
    /// # Errors
    ///
    /// No port could be had.
    pub async fn start_seeded(target: SocketAddr, seed: u64) -> io::Result<Self> {
        Self::listen(target, Manner::Seeded(seed)).await
    }

    /// Where to connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many bytes were passed on to clients so far.
    pub fn passed_down(&self) -> u64 {
        self.passed_down.load(Ordering::Relaxed)
    }

    /// Treats open and future connections so from here on.
    pub fn set(&self, faults: Faults) {
        self.orders.send_modify(|orders| orders.manner = Manner::Same(faults));
    }

    /// Ends every connection that carries bytes by now.
    pub fn cut(&self, ending: Ending) {
        self.orders.send_modify(|orders| {
            orders.cuts += 1;
            orders.ending = ending;
        });
    }

    async fn listen(target: SocketAddr, manner: Manner) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (orders, received) = watch::channel(Orders { manner, cuts: 0, ending: Ending::End });
        let accepted = Arc::new(AtomicU64::new(0));
        let passed_down = Arc::new(AtomicU64::new(0));
        let (counter, passed) = (Arc::clone(&accepted), Arc::clone(&passed_down));
        let acceptor = tokio::spawn(async move {
            let mut links = JoinSet::new();
            // A listener that fails leaves callers unconnected, which a test notices.
            while let Ok((client, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::Relaxed);
                links.spawn(link::run(
                    client,
                    target,
                    number,
                    received.clone(),
                    Arc::clone(&passed),
                ));
                while links.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, orders, accepted, passed_down, acceptor })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl Orders {
    fn faults(&self, connection: u64) -> Faults {
        match self.manner {
            Manner::Same(faults) => faults,
            Manner::Seeded(seed) => Faults::by_seed(seed, connection),
        }
    }
}

#[cfg(test)]
mod tests;
