//! The proxy between a client and an echo server: each fault is what it says, and nothing else.

use super::*;
use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A proxy to a server that returns every byte, and a client connected through it.
async fn echo() -> (Proxy, TcpStream) {
    let proxy = Proxy::start(echo_server().await).await.unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    (proxy, client)
}

async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _copied = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

async fn answer(client: &mut TcpStream, bytes: usize) -> io::Result<Vec<u8>> {
    let mut answer = vec![0; bytes];
    timeout(PATIENCE, client.read_exact(&mut answer)).await??;
    Ok(answer)
}

/// Whether nothing comes for a while, neither a byte nor an end.
async fn is_silent(client: &mut TcpStream) -> bool {
    timeout(Duration::from_millis(100), client.read(&mut [0; 16])).await.is_err()
}

#[tokio::test]
async fn without_faults_bytes_and_both_ends_pass() {
    let (proxy, mut client) = echo().await;
    client.write_all(b"hello").await.unwrap();
    assert_eq!(answer(&mut client, 5).await.unwrap(), b"hello");
    client.shutdown().await.unwrap();
    assert_eq!(timeout(PATIENCE, client.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
    assert_eq!(proxy.accepted(), 1);
}

#[tokio::test]
async fn a_delay_holds_in_each_direction() {
    let (proxy, mut client) = echo().await;
    let flow = Flow::Delayed(Duration::from_millis(40));
    proxy.set(Faults { up: flow, down: flow, ..Faults::default() });
    let start = Instant::now();
    client.write_all(b"hello").await.unwrap();
    assert_eq!(answer(&mut client, 5).await.unwrap(), b"hello");
    assert!(start.elapsed() >= Duration::from_millis(80), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_trickle_comes_in_small_pieces_at_its_pace() {
    let (proxy, mut client) = echo().await;
    let down = Flow::Trickling { bytes_max: 2, pause: Duration::from_millis(20) };
    proxy.set(Faults { down, ..Faults::default() });
    client.write_all(b"abcdefgh").await.unwrap();
    let start = Instant::now();
    let mut piece = [0; 8];
    let first = timeout(PATIENCE, client.read(&mut piece)).await.unwrap().unwrap();
    assert_eq!(&piece[..first], b"ab");
    assert_eq!(answer(&mut client, 6).await.unwrap(), b"cdefgh");
    assert!(start.elapsed() >= Duration::from_millis(50), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_was_stalled_passes_later_and_what_was_swallowed_never() {
    for (down, arrives) in [(Flow::Stalled, &b"one, two"[..]), (Flow::Swallowed, b"two")] {
        let (proxy, mut client) = echo().await;
        proxy.set(Faults { down, ..Faults::default() });
        client.write_all(b"one, ").await.unwrap();
        assert!(is_silent(&mut client).await, "{down:?}");
        proxy.set(Faults::default());
        client.write_all(b"two").await.unwrap();
        assert_eq!(answer(&mut client, arrives.len()).await.unwrap(), arrives, "{down:?}");
    }
}

#[tokio::test]
async fn a_half_open_connection_hides_the_end() {
    let (proxy, mut client) = echo().await;
    proxy.set(Faults { up: Flow::Swallowed, ..Faults::default() });
    client.shutdown().await.unwrap();
    // The server has not received the end, so it does not end its half.
    assert!(is_silent(&mut client).await);
    proxy.set(Faults::default());
    assert_eq!(timeout(PATIENCE, client.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_half_open_connection_hides_that_nobody_listens() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.set(Faults { up: Flow::Swallowed, ..Faults::default() });
    drop(client);
    for _ in 0..5 {
        server.write_all(b"hello").await.unwrap();
        assert!(is_silent(&mut server).await);
    }
    proxy.set(Faults::default());
    let end = timeout(PATIENCE, server.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_cut_is_a_fin_a_reset_or_silence() {
    let (proxy, mut client) = echo().await;
    client.write_all(b"hello").await.unwrap();
    answer(&mut client, 5).await.unwrap();
    proxy.cut(Ending::End);
    assert_eq!(timeout(PATIENCE, client.read(&mut [0; 1])).await.unwrap().unwrap(), 0);

    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    answer(&mut client, 5).await.unwrap();
    proxy.cut(Ending::Reset);
    let error = timeout(PATIENCE, client.read(&mut [0; 1])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    answer(&mut client, 5).await.unwrap();
    proxy.cut(Ending::Silence);
    client.write_all(b"hello").await.unwrap();
    assert!(is_silent(&mut client).await);
}

#[tokio::test]
async fn a_break_comes_after_exactly_so_many_bytes() {
    let (proxy, mut client) = echo().await;
    let break_after = Some(Break { down_bytes: 7, ending: Ending::End });
    proxy.set(Faults { break_after, ..Faults::default() });
    client.write_all(b"hello, world").await.unwrap();
    let mut all = Vec::new();
    timeout(PATIENCE, client.read_to_end(&mut all)).await.unwrap().unwrap();
    assert_eq!(all, b"hello, ");
}

#[tokio::test]
async fn a_server_that_is_down_resets_the_client() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let proxy = Proxy::start(nobody).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let error = timeout(PATIENCE, client.read(&mut [0; 1])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// A server that answers each request with its path, and keeps the connection.
async fn paths() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 1_000];
                while let Ok(1..) = stream.read(&mut request).await {
                    let path: Vec<u8> = request.split(|byte| *byte == b' ').nth(1).unwrap().into();
                    stream.write_all(&path).await.unwrap();
                }
            });
        }
    });
    address
}

const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test]
async fn a_proxy_without_a_server_answers_502() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let proxy = Proxy::start(nobody).await.unwrap();
    proxy.set(Faults { through: Some(Intermediary::Unavailable), ..Faults::default() });
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"GET /poll HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    assert!(is_silent(&mut client).await);
    client.write_all(b"\r\n").await.unwrap();
    let mut all = String::new();
    timeout(PATIENCE, client.read_to_string(&mut all)).await.unwrap().unwrap();
    assert!(all.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{all}");
}

#[tokio::test]
async fn handshakes_are_refused_or_not_answered_and_other_requests_pass() {
    for through in [Intermediary::NoUpgrades, Intermediary::SilentUpgrades] {
        let proxy = Proxy::start(paths().await).await.unwrap();
        proxy.set(Faults { through: Some(through), ..Faults::default() });
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        client.write_all(b"GET /poll HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(answer(&mut client, 5).await.unwrap(), b"/poll");
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        client.write_all(UPGRADE).await.unwrap();
        match through {
            Intermediary::NoUpgrades => {
                assert_eq!(answer(&mut client, 12).await.unwrap(), b"HTTP/1.1 400");
            }
            _ => assert!(is_silent(&mut client).await),
        }
    }
}

#[tokio::test]
async fn only_what_is_streamed_is_held_back() {
    let proxy = Proxy::start(paths().await).await.unwrap();
    proxy.set(Faults { through: Some(Intermediary::Buffering), ..Faults::default() });
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"GET /poll HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(answer(&mut client, 5).await.unwrap(), b"/poll");
    client.write_all(b"GET /events HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(is_silent(&mut client).await);
    proxy.set(Faults::default());
    assert_eq!(answer(&mut client, 7).await.unwrap(), b"/events");
}

#[test]
fn a_seed_draws_the_same_faults_again_and_all_of_them_in_time() {
    let drawn: Vec<Faults> = (0..100).map(|connection| Faults::by_seed(7, connection)).collect();
    let again: Vec<Faults> = (0..100).map(|connection| Faults::by_seed(7, connection)).collect();
    assert_eq!(drawn, again);
    assert_ne!(drawn[0], Faults::by_seed(8, 0));
    for ending in [Ending::End, Ending::Reset, Ending::Silence] {
        assert!(drawn.iter().any(|faults| faults.break_after.unwrap().ending == ending));
    }
    assert!(drawn.iter().any(|faults| faults.down == Flow::Free));
    assert!(drawn.iter().any(|faults| matches!(faults.down, Flow::Delayed(_))));
    assert!(drawn.iter().any(|faults| matches!(faults.down, Flow::Trickling { .. })));
}

const PATIENCE: Duration = Duration::from_secs(5);
