//! What comes before HTTP: a header of the PROXY protocol, where a proxy sends one, and the TLS handshake. actix does not
//! know of the connection yet, and has no buffers for one that does not get so far.
//!
//! Handshakes are work that strangers ask for. So each has a deadline and takes turns like a request, and only a number of
//! them may wait for their clients at once: one more, and the one that has waited longest is ended. A client that answers
//! within a round trip or two is served while others open connections and say nothing.

use super::mismatch;
use super::proxied::{self, Remote};
use super::timeouts::HttpTimeouts;
use crate::ready::keep;
use crate::request_turns::RequestTurns;
use crate::socket::{ClientSocket, TlsStream};
use actix_http::error::DispatchError;
use futures_util::future::{Either, FutureExt as _, LocalBoxFuture, Ready, ready};
use rustls::ServerConfig;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tidewire_client_address::TrustedProxies;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// Makes sockets of the connections that one listener accepts, on one worker.
#[derive(Clone)]
pub(super) struct Handshaking {
    /// Without one the listener is plain.
    tls: Option<Arc<ServerConfig>>,
    /// Without them no header comes first.
    proxies: Option<watch::Receiver<TrustedProxies>>,
    timeouts: HttpTimeouts,
    turns: RequestTurns,
    waiting: Waiting,
}

/// The socket of a client, and where the client is.
pub(super) type Arrived = (ClientSocket, Remote);

type Accepted = Result<Arrived, DispatchError>;

impl Handshaking {
    pub(super) fn new(
        tls: Option<Arc<ServerConfig>>,
        proxies: Option<watch::Receiver<TrustedProxies>>,
        timeouts: HttpTimeouts,
        turns: RequestTurns,
    ) -> Self {
        Self { tls, proxies, timeouts, turns, waiting: Waiting::new(WAITING_MAX) }
    }

    /// The socket of a connection that was accepted; after what comes first, if something does.
    pub(super) fn accept(
        &self,
        tcp: TcpStream,
    ) -> Either<Ready<Accepted>, LocalBoxFuture<'static, Accepted>> {
        // Only a socket that is already dead refuses this, and the next read reports that.
        let _ = tcp.set_nodelay(true);
        let peer = tcp.peer_addr().ok();
        if self.tls.is_none() && self.proxies.is_none() {
            return Either::Left(ready(Ok((tcp.into(), Remote { address: peer, header: None }))));
        }
        let opened = self.clone().open(tcp, peer, self.waiting.begin());
        let opened = timeout(self.timeouts.handshake, opened).map(|opened| match opened {
            Ok(Ok(arrived)) => Ok(arrived),
            Ok(Err(error)) => Err(DispatchError::Io(error)),
            Err(_) => Err(DispatchError::Io(io::ErrorKind::TimedOut.into())),
        });
        Either::Right(opened.boxed_local())
    }

    async fn open(
        self,
        tcp: TcpStream,
        peer: Option<SocketAddr>,
        place: Place,
    ) -> io::Result<Arrived> {
        let Self { tls, proxies, timeouts, turns, .. } = self;
        let (tcp, remote) = match proxies {
            None => (tcp, Remote { address: peer, header: None }),
            Some(proxies) => {
                let is_plain = tls.is_none();
                let is_listed = peer.is_some_and(|peer| proxies.borrow().contains(peer.ip()));
                let peek = async |tcp: &TcpStream, buffer: &mut [u8]| place.peek(tcp, buffer).await;
                proxied::open(tcp, peer, is_listed, is_plain, timeouts.disconnect, peek).await?
            }
        };
        let socket = match tls {
            None => tcp.into(),
            Some(config) => shake_hands(tcp, config, place, turns, timeouts).await?,
        };
        Ok((socket, remote))
    }
}

async fn shake_hands(
    tcp: TcpStream,
    config: Arc<ServerConfig>,
    place: Place,
    turns: RequestTurns,
    timeouts: HttpTimeouts,
) -> io::Result<ClientSocket> {
    // A session costs memory, so it begins with the client's first byte.
    let mut first = [0];
    place.peek(&tcp, &mut first).await?;
    if mismatch::is_http(u8::from_be_bytes(first)) {
        mismatch::answer_http(tcp, timeouts.disconnect).await?;
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut tls = TlsStream::new(tcp, config).map_err(io::Error::other)?;
    let mut turn = turns.claim();
    poll_fn(|context| {
        let mut has_turn = true;
        let shaken = tls.poll_handshake(context, |context| {
            let begun = turn.poll(context);
            has_turn = begun.is_ready();
            // A signature takes as long as a dozen short requests, or more.
            if has_turn {
                turn.end();
            }
            begun
        });
        place.poll(shaken, has_turn, context)
    })
    .await?;
    Ok(tls.into())
}

/// The handshakes that wait for their clients.
#[derive(Clone)]
struct Waiting(Rc<RefCell<Open>>);

struct Open {
    begun: u64,
    waiting_max: usize,
    /// By age, with what wakes them. One without a waker waits for us.
    going: BTreeMap<u64, Option<Waker>>,
}

/// One handshake's place among them; dropped, it is free.
struct Place {
    waiting: Waiting,
    number: u64,
}

impl Waiting {
    fn new(waiting_max: usize) -> Self {
        Self(Rc::new(RefCell::new(Open { begun: 0, waiting_max, going: BTreeMap::new() })))
    }

    /// Takes a place, if need be that of the handshake that has waited longest for its client.
    fn begin(&self) -> Place {
        let mut open = self.0.borrow_mut();
        open.begun += 1;
        let number = open.begun;
        open.going.insert(number, None);
        let is_full = open.going.len() > open.waiting_max;
        let mut oldest = open.going.iter().filter(|(_, waker)| waker.is_some());
        let oldest = oldest.next().filter(|_| is_full).map(|(number, _)| *number);
        let ended = oldest.and_then(|number| open.going.remove(&number)).flatten();
        drop(open);
        ended.into_iter().for_each(Waker::wake);
        Place { waiting: self.clone(), number }
    }
}

impl Place {
    /// What the client has sent, left where it is. A socket is said to be readable before that is known, so only a peek
    /// itself says whether the client is waited for.
    async fn peek(&self, tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        poll_fn(|context| self.poll(tcp.poll_peek(context, &mut buffer), true, context)).await
    }

    /// Passes on what came of a step; `waits_for_client` says what it waits for, if it does.
    ///
    /// # Errors
    ///
    /// Another handshake has taken the place.
    fn poll<T>(
        &self,
        step: Poll<io::Result<T>>,
        waits_for_client: bool,
        context: &Context<'_>,
    ) -> Poll<io::Result<T>> {
        let mut open = self.waiting.0.borrow_mut();
        let Some(waker) = open.going.get_mut(&self.number) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        match step.is_pending() && waits_for_client {
            true => keep(waker, context.waker()),
            false => *waker = None,
        }
        step
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let waker = self.waiting.0.borrow_mut().going.remove(&self.number);
        // It may be the last to hold on to a task, which may hold on to this.
        drop(waker);
    }
}

/// Handshakes of one listener on one worker that may wait for their clients. A few kilobytes each, and what has come of a
/// `ClientHello` that does not end.
const WAITING_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    #[actix_web::test]
    async fn who_is_a_listed_proxy_is_looked_up_for_each_connection() {
        let proxies = watch::Sender::new(TrustedProxies::default());
        let (timeouts, turns) = (HttpTimeouts::default(), RequestTurns::by_rounds());
        let handshaking = Handshaking::new(None, Some(proxies.subscribe()), timeouts, turns);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listed = TrustedProxies::new(vec!["127.0.0.1".parse().unwrap()]);
        for (list, is_accepted) in [(listed, true), (TrustedProxies::default(), false)] {
            proxies.send_replace(list);
            let mut proxy = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            proxy.write_all(b"PROXY UNKNOWN\r\n").await.unwrap();
            drop(proxy);
            let (tcp, _) = listener.accept().await.unwrap();
            assert_eq!(handshaking.accept(tcp).await.is_ok(), is_accepted);
        }
    }

    fn waits(place: &Place, waits_for_client: bool) -> bool {
        let context = Context::from_waker(Waker::noop());
        place.poll(Poll::<io::Result<()>>::Pending, waits_for_client, &context).is_pending()
    }

    #[test]
    fn one_more_handshake_than_may_wait_ends_the_one_that_has_waited_longest_for_its_client() {
        let waiting = Waiting::new(3);
        let places = [0, 1, 2].map(|_| waiting.begin());
        // The first waits for us.
        assert!(waits(&places[0], false) && waits(&places[1], true) && waits(&places[2], true));
        let newest = waiting.begin();
        assert!(waits(&places[0], true) && !waits(&places[1], true) && waits(&places[2], true));
        assert!(waits(&newest, true));
        drop(newest);
        let another = waiting.begin();
        assert!([&places[0], &places[2], &another].into_iter().all(|place| waits(place, true)));
        drop((places, another));
        assert!(waiting.0.borrow().going.is_empty());
    }

    #[actix_web::test]
    async fn a_proxy_that_stops_within_its_header_waits_like_any_client() {
        let proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
        let waiting = Waiting::new(1);
        let (timeouts, turns) = (HttpTimeouts::default(), RequestTurns::unlimited());
        let proxies = Some(watch::Sender::new(proxies).subscribe());
        let handshaking =
            Handshaking { tls: None, proxies, timeouts, turns, waiting: waiting.clone() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut proxy = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let tcp = listener.accept().await.unwrap().0;
        proxy.write_all(b"PROXY TCP4 ").await.unwrap();
        tcp.readable().await.unwrap();
        let mut opened = handshaking.accept(tcp);
        let mut step = || opened.poll_unpin(&mut Context::from_waker(Waker::noop()));
        assert!(step().is_pending());
        let _newest = waiting.begin();
        let Poll::Ready(Err(DispatchError::Io(error))) = step() else {
            panic!("it has its place for as long as it says nothing")
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
