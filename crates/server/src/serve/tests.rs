//! The shutdown of a server whose engine is slow: each client that waits for an answer gets it.

mod head;
mod socket_options;

use super::*;
use crate::config::{Settings, Span};
use actix_server::ServerHandle;
use std::{
    net::{SocketAddr, TcpListener},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};
use tidewire_broker::{Broker, Content, Draft, Engine, Grant, MemoryEngine, Permit, Publishing};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Answers as slowly as a disk that is busy.
struct SlowEngine {
    engine: MemoryEngine,
    /// How many publishes have reached it.
    asked: Arc<AtomicUsize>,
}

impl Engine for SlowEngine {
    fn publish(&self, permit: Permit, draft: Draft, now_ms: u64) -> Publishing {
        let engine = self.engine.clone();
        self.asked.fetch_add(1, Ordering::SeqCst);
        // From now on: those that are handed over together are answered together.
        let written = sleep(ENGINE_WAIT);
        Publishing::Waiting(Box::pin(async move {
            written.await;
            engine.publish(permit, draft, now_ms).await
        }))
    }
}

#[actix_web::test]
async fn a_client_that_waits_for_the_engine_is_answered_before_the_end() {
    let server = Running::start();
    let mut client = server.connect(PUBLISH).await;
    server.until_the_engine_is_asked().await;
    server.end(DRAIN).await;
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("position"), "{answer}");
}

#[actix_web::test]
async fn the_goodbye_of_a_websocket_comes_behind_the_answers() {
    let server = Running::start();
    let mut client = server.connect(HANDSHAKE).await;
    client.write_all(PUBLISH_FRAME).await.unwrap();
    server.until_the_engine_is_asked().await;
    server.end(DRAIN).await;
    let answer = rest(&mut client).await;
    let published = answer.find(r#"{"type":"published","id":7,"#).expect(&answer);
    assert!(answer[published..].contains(r#"{"type":"goodbye","#), "{answer}");
}

#[actix_web::test]
async fn what_a_batch_has_left_at_the_end_is_refused() {
    let server = Running::start();
    let broker = server.broker.clone();
    // One more than are handed over together.
    let body = format!("{{\"messages\":[{}]}}", vec![r#"{"channel":"a","data":1}"#; 257].join(","));
    let request = format!(
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = server.connect(request.as_bytes()).await;
    server.until_the_engine_is_asked().await;
    server.end(DRAIN).await;
    let answer = rest(&mut client).await;
    assert_eq!(answer.matches(r#"{"position":"#).count(), 256, "{answer}");
    assert_eq!(answer.matches(r#"{"error":{"code":"unavailable""#).count(), 1, "{answer}");
    assert_eq!(broker.head(), 256);
}

#[actix_web::test]
async fn nothing_is_published_once_no_publish_is_taken() {
    let server = Running::start();
    let mut socket = server.connect(HANDSHAKE).await;
    // Before the connections are dismissed: a connection that is dismissed first has said goodbye by then.
    server.admission.stop_publishing();
    socket.write_all(PUBLISH_FRAME).await.unwrap();
    read_until(&mut socket, r#"{"type":"error","id":7,"code":"unavailable""#).await;
    let mut http = server.connect(PUBLISH).await;
    read_until(&mut http, "urn:tidewire:problem:unavailable").await;
    assert_eq!((server.asked.load(Ordering::SeqCst), server.broker.head()), (0, 0));
    server.end(DRAIN).await;
}

#[actix_web::test]
async fn who_is_idle_or_has_not_said_all_holds_up_no_end() {
    let server = Running::start();
    let mut idle = server.connect(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut silent = server.connect(b"").await;
    let mut slow = server.connect(HALF_A_PUBLISH).await;
    // The idle one has been answered, the head of the slow one was read, and the silent one was
    // accepted before that.
    read_exactly(&mut idle, b"HTTP/1.1 200 OK\r\n").await;
    read_exactly(&mut slow, b"HTTP/1.1 100 Continue\r\n\r\n").await;
    slow.write_all(b"h").await.unwrap();
    let start = Instant::now();
    server.end(DRAIN).await;
    assert!(start.elapsed() < ENGINE_WAIT, "it took {:?}", start.elapsed());
    rest(&mut idle).await;
    assert_eq!(rest(&mut silent).await, "");
    let answer = rest(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
}

#[actix_web::test]
async fn who_waits_longer_than_the_drain_time_is_cut_off() {
    let server = Running::start();
    let mut http = server.connect(PUBLISH).await;
    server.until_the_engine_is_asked().await;
    server.end(Duration::ZERO).await;
    assert_eq!(rest(&mut http).await, "");
}

/// A server in this process.
struct Running {
    address: SocketAddr,
    broker: Broker,
    admission: Admission,
    asked: Arc<AtomicUsize>,
    listening: ListeningSockets,
    handle: ServerHandle,
    server: rt::task::JoinHandle<io::Result<()>>,
}

impl Running {
    fn start() -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let engine_asked = Arc::clone(&asked);
        let slow = |broker| SlowEngine { engine: MemoryEngine::new(broker), asked: engine_asked };
        Self { asked, ..Self::with(1, |broker| Arc::new(slow(broker))) }
    }

    /// Waits until a publish waits for the engine.
    async fn until_the_engine_is_asked(&self) {
        let asked = async {
            while self.asked.load(Ordering::SeqCst) == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(DRAIN, asked).await.expect("the publish does not arrive");
    }

    fn with(workers: usize, engine: impl FnOnce(Broker) -> Arc<dyn Engine>) -> Self {
        let settings = Settings {
            workers: Some(workers.to_string().parse().unwrap()),
            close_wait: Some(Span::milliseconds(100)),
            ..Settings::default()
        };
        let config = Config::load(settings).unwrap();
        let broker = Broker::new(36, config.broker.clone());
        let engine = engine(broker.clone());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, admission) = (listener.local_addr().unwrap(), Admission::new(1_000));
        let listening = ListeningSockets::of([&listener]).unwrap();
        let storage = Storage::in_memory(broker.clone(), engine);
        let observed = observed(&config, &storage, &admission);
        let parts =
            Parts::new(&config, &storage, &observed, ReloadHandle::new().0, Traces::default());
        let audience = Audience::Clients(Surface::Everything);
        let server = parts.start(vec![listener.into()], config.workers, audience).unwrap();
        let (asked, handle) = (Arc::default(), server.handle());
        Self { address, broker, admission, asked, listening, handle, server: rt::spawn(server) }
    }

    async fn connect(&self, request: &[u8]) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(request).await.unwrap();
        client
    }

    async fn end(self, drain: Duration) {
        end(&self.handle, &self.listening, &self.admission, drain, std::future::pending()).await;
        self.server.await.unwrap().unwrap();
    }
}

/// Reads what has to come next.
async fn read_exactly(client: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    timeout(DRAIN, client.read_exact(&mut bytes)).await.expect("nothing comes").unwrap();
    assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

/// Reads until `text` has come.
async fn read_until(client: &mut TcpStream, text: &str) {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(text) {
        let read = timeout(DRAIN, client.read_buf(&mut bytes)).await;
        let read = read.map(|read| read.unwrap_or(0)).unwrap_or(0);
        assert!(read > 0, "no {text} in {}", String::from_utf8_lossy(&bytes));
    }
}

/// All that still comes.
async fn rest(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut may be reset.
    let _ = timeout(DRAIN, client.read_to_end(&mut bytes)).await.expect("it does not end");
    String::from_utf8_lossy(&bytes).into_owned()
}

const PUBLISH: &[u8] =
    b"POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";

/// Its body is sent once the server asks for it, which says that the head has been read.
const HALF_A_PUBLISH: &[u8] =
    b"POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\
    Expect: 100-continue\r\n\r\n";

const HANDSHAKE: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: tidewire.v1\r\n\r\n";

/// A masked text frame of 51 bytes, its mask all zeros.
const PUBLISH_FRAME: &[u8] =
    b"\x81\xb3\0\0\0\0{\"type\":\"publish\",\"id\":7,\"channel\":\"a\",\"data\":\"hi\"}";

/// Longer than actix gives connections to end.
const ENGINE_WAIT: Duration = Duration::from_secs(4);
const DRAIN: Duration = Duration::from_secs(10);
