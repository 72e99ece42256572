//! Takeovers over loopback sockets, spelled as on the wire.

mod narrow_pipe;
mod pipelines;
mod turns;

use super::*;
use crate::in_flight::InFlight;
use crate::request_turns::RequestTurns;
use actix_server::{Server, ServerHandle};
use actix_service::Service;
use actix_web::{App, HttpRequest, HttpResponse, rt, test as web_test, web};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const HANDSHAKE: &str =
    "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
const EVENTS: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\
                      content-type: text/event-stream\r\n\r\n";
const PLAIN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";

#[actix_web::test]
async fn an_upgraded_socket_is_ours_both_ways() {
    let server = Running::start();
    let mut client = server.connect(HANDSHAKE.as_bytes()).await;
    assert_eq!(client.head().await, SWITCHING);
    client.send(b"\x81\x85abcd\x09\x07\x0f\x08\x0e").await;
    assert_eq!(client.take(11).await, b"\x81\x85abcd\x09\x07\x0f\x08\x0e");
    server.stop(false).await;
}

#[actix_web::test]
async fn frames_sent_with_the_handshake_arrive_first() {
    let server = Running::start();
    let mut client = server.connect(&[HANDSHAKE.as_bytes(), b"\x81\x80abcd"].concat()).await;
    assert_eq!(client.head().await, SWITCHING);
    client.send(b"\x8a\x80efgh").await;
    assert_eq!(client.take(12).await, b"\x81\x80abcd\x8a\x80efgh");
    server.stop(false).await;
}

#[actix_web::test]
async fn bytes_sent_while_the_handler_thinks_all_arrive_in_order() {
    let server = Running::start();
    let mut client = server.connect(HANDSHAKE.replace("echo", "slow-echo").as_bytes()).await;
    // Beyond the 32 KiB at which actix pauses a payload and leaves the rest in its read buffer.
    let sent: Vec<u8> = (0..EARLY_BYTES_MAX).map(|at| at.to_le_bytes()[at % 2]).collect();
    for part in sent.chunks(10_000) {
        client.send(part).await;
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(client.head().await, SWITCHING);
    assert!(client.take(sent.len()).await == sent);
    server.stop(false).await;
}

#[actix_web::test]
async fn a_client_that_floods_before_the_answer_is_disconnected() {
    let server = Running::start();
    let mut client = server.connect(HANDSHAKE.replace("echo", "slow-echo").as_bytes()).await;
    client.send(&vec![0; EARLY_BYTES_MAX + 1]).await;
    assert_eq!(client.head().await, SWITCHING);
    assert_eq!(client.rest().await, b"");
    server.stop(false).await;
}

#[actix_web::test]
async fn an_upgrade_with_a_chunked_body_is_refused() {
    let server = Running::start();
    let chunked = HANDSHAKE.replace("Host: a\r\n", "Host: a\r\nTransfer-Encoding: chunked\r\n");
    let mut client = server.connect(chunked.as_bytes()).await;
    assert!(client.head().await.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    server.stop(false).await;
}

#[actix_web::test]
async fn a_stream_promises_chunks_and_the_task_writes_them() {
    let server = Running::start();
    let mut client = server.connect(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.head().await, EVENTS);
    assert_eq!(client.rest().await, b"7\r\ndata:\n\n\r\n0\r\n\r\n");
    server.stop(false).await;
}

#[actix_web::test]
async fn an_http_1_0_stream_ends_with_the_connection() {
    let server = Running::start();
    for request in
        ["GET /events HTTP/1.0\r\n\r\n", "GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]
    {
        let mut client = server.connect(request.as_bytes()).await;
        let head = "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        assert_eq!(client.head().await, head);
        assert_eq!(client.rest().await, b"data:\n\n");
    }
    server.stop(false).await;
}

#[actix_web::test]
async fn to_head_the_head_is_the_whole_answer() {
    let server = Running::start();
    let mut client = server.connect(b"HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.head().await, EVENTS.replace("connection: close\r\n", ""));
    client.send(b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.head().await, PLAIN);
    server.stop(false).await;
}

#[actix_web::test]
async fn a_connection_kept_alive_can_be_taken_later() {
    let server = Running::start();
    let mut client = server.connect(b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n").await;
    for _ in 0..2 {
        assert_eq!(
            (client.head().await.as_str(), client.take(5).await.as_slice()),
            (PLAIN, &b"plain"[..])
        );
        client.send(b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n").await;
    }
    assert_eq!(
        (client.head().await.as_str(), client.take(5).await.as_slice()),
        (PLAIN, &b"plain"[..])
    );
    client.send(&[HANDSHAKE.as_bytes(), b"\x81\x80abcd"].concat()).await;
    assert_eq!(client.head().await, SWITCHING);
    assert_eq!(client.take(6).await, b"\x81\x80abcd");
    server.stop(false).await;
}

#[actix_web::test]
async fn requests_in_one_segment_are_answered_before_and_ignored_behind() {
    let server = Running::start();
    let (plain, events) =
        ("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n", "GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut client = server.connect([plain, events, plain].concat().as_bytes()).await;
    assert_eq!(
        (client.head().await.as_str(), client.take(5).await.as_slice()),
        (PLAIN, &b"plain"[..])
    );
    assert_eq!(client.head().await, EVENTS);
    assert_eq!(client.rest().await, b"7\r\ndata:\n\n\r\n0\r\n\r\n");
    assert_eq!(server.requests.load(Ordering::Relaxed), 2);
    server.stop(false).await;
}

#[actix_web::test]
async fn every_cut_of_the_handshake_is_the_same_handshake() {
    let server = Running::start();
    let wire = [HANDSHAKE.as_bytes(), b"\x81\x80abcd"].concat();
    for cut in 1..wire.len() {
        let mut client = server.connect(&wire[..cut]).await;
        sleep(Duration::from_millis(2)).await;
        client.send(&wire[cut..]).await;
        assert_eq!(client.head().await, SWITCHING, "cut at {cut}");
        assert_eq!(client.take(6).await, b"\x81\x80abcd", "cut at {cut}");
    }
    server.stop(false).await;
}

#[actix_web::test]
async fn an_answer_that_is_thrown_away_leaves_the_connection_as_it_was() {
    let server = Running::start();
    let mut client = server.connect(b"GET /regret HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // Comes while nothing is read, and must be noticed afterwards.
    sleep(Duration::from_millis(20)).await;
    client.send(b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(client.head().await, PLAIN);
    server.stop(false).await;
}

#[actix_web::test]
async fn ordinary_routes_know_their_peer_and_have_bodies() {
    let server = Running::start();
    let mut client =
        server.connect(b"POST /peer HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    let answer = format!("hi {}", client.0.local_addr().unwrap());
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", answer.len());
    assert!(client.head().await.starts_with(&head));
    assert_eq!(client.take(answer.len()).await, answer.as_bytes());
    client.send(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 404 Not Found\r\n"));
    server.stop(false).await;
}

#[actix_web::test]
async fn a_head_that_does_not_come_ends_with_408() {
    let server = Running::in_turns(1, Duration::from_millis(500), |_| RequestTurns::unlimited());
    let mut client = server.connect(b"GET /echo HTTP/1.1\r\nHo").await;
    let head = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert_eq!(client.head().await, head);
    assert_eq!(client.rest().await, b"");
    server.stop(false).await;
}

#[actix_web::test]
async fn a_graceful_stop_does_not_wait_for_taken_sockets() {
    let server = Running::start();
    let mut client = server.connect(HANDSHAKE.as_bytes()).await;
    assert_eq!(client.head().await, SWITCHING);
    server.stop(true).await;
    assert_eq!(client.rest().await, b"");
}

#[actix_web::test]
async fn a_graceful_stop_ends_connections_kept_alive() {
    let server = Running::start();
    let mut client = server.connect(b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.head().await, PLAIN);
    server.stop(true).await;
    assert_eq!(client.rest().await, b"plain");
}

#[actix_web::test]
async fn each_worker_makes_its_own_application() {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let server = Running::with(3, move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let mut client = server.connect(HANDSHAKE.as_bytes()).await;
    assert_eq!(client.head().await, SWITCHING);
    assert_eq!(made.load(Ordering::Relaxed), 3);
    server.stop(false).await;
}

#[actix_web::test]
async fn a_request_from_elsewhere_has_no_socket_to_take() {
    let request = web_test::TestRequest::default().to_http_request();
    assert_eq!(Handoff::<TcpStream>::of(&request).err(), Some(HandoffError::NoSocket));
}

/// actix times the head of a connection's first request only.
#[actix_web::test]
async fn a_trickled_second_head_is_cut_off_too() {
    let server = Running::start();
    let mut client = server.connect(b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.head().await;
    assert_eq!(client.take(5).await, b"plain");
    let trickle = async {
        while client.0.write_all(b"G").await.is_ok() {
            tokio::time::sleep(ANSWER_MAX / 10).await;
        }
    };
    timeout(TIME_MAX, trickle).await.expect("the server should have closed the connection");
    server.stop(false).await;
}

impl socket::Readable for DuplexStream {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// A server of the routes below.
struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    /// How many requests passed the middleware.
    requests: Arc<AtomicUsize>,
}

impl Running {
    fn start() -> Self {
        Self::with(1, || ())
    }

    fn with(workers: usize, on_made: impl Fn() + Clone + Send + 'static) -> Self {
        Self::in_turns(workers, TIME_MAX * 2, move |_| {
            on_made();
            RequestTurns::unlimited()
        })
    }

    /// One whose workers take their turns from what `make` makes, given the count of requests. A first head has
    /// `request_head` to come.
    fn in_turns(
        workers: usize,
        request_head: Duration,
        make: impl Fn(&Arc<AtomicUsize>) -> RequestTurns + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let timeouts = HttpTimeouts {
            request_head,
            // A graceful stop may not wait for it.
            keep_alive: TIME_MAX * 2,
            disconnect: TIME_MAX * 2,
            answer: ANSWER_MAX,
            ..HttpTimeouts::default()
        };
        let builder = Server::build().workers(workers).disable_signals();
        let requests = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&requests);
        let leaving = std::future::pending::<()>;
        let accounts = InFlight::new(64 << 20, 64 << 20);
        let server = listen(builder, listener, timeouts, accounts, leaving, (), move || {
            let turns = make(&seen);
            let seen = Arc::clone(&seen);
            let app = App::new().configure(routes).wrap_fn(move |request, routes| {
                seen.fetch_add(1, Ordering::Relaxed);
                routes.call(request)
            });
            (turns, app)
        })
        .unwrap()
        .run();
        let handle = server.handle();
        rt::spawn(server);
        Self { address, handle, requests }
    }

    async fn connect(&self, request: &[u8]) -> Client {
        let mut client = Client(TcpStream::connect(self.address).await.unwrap());
        client.send(request).await;
        client
    }

    async fn stop(self, graceful: bool) {
        timeout(TIME_MAX, self.handle.stop(graceful)).await.unwrap();
    }
}

fn routes(config: &mut web::ServiceConfig) {
    let plain = || async { HttpResponse::Ok().body("plain") };
    let peer = |request: HttpRequest, body: String| async move {
        format!("{body} {}", request.peer_addr().unwrap())
    };
    let regret = |handoff: Handoff| async move {
        let answer = handoff.stream(&mut HttpResponse::Ok(), |_, _| ());
        sleep(Duration::from_millis(100)).await;
        drop(answer);
        HttpResponse::NoContent().finish()
    };
    config
        .route("/echo", web::get().to(|handoff: Handoff, payload| echo(handoff, payload, || ())))
        .route(
            "/slow-echo",
            web::get().to(async |handoff: Handoff, payload: web::Payload| {
                sleep(Duration::from_millis(300)).await;
                echo(handoff, payload, || ()).await
            }),
        )
        .route("/events", web::route().to(events))
        .route("/plain", web::get().to(plain))
        .route("/peer", web::post().to(peer))
        .route("/regret", web::get().to(regret));
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    handoff: Handoff<S>,
    payload: web::Payload,
    on_taken: impl FnOnce() + 'static,
) -> Result<HttpResponse, HandoffError> {
    handoff.upgrade(&mut HttpResponse::Ok(), payload, |mut socket, early| {
        on_taken();
        rt::spawn(async move {
            socket.write_all(&early).await.unwrap();
            let (mut reader, mut writer) = tokio::io::split(socket);
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        });
    })
}

async fn events(handoff: Handoff) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    let response = response.content_type("text/event-stream");
    handoff.stream(response, |mut socket, framing| {
        rt::spawn(async move {
            let wire = match framing {
                Framing::Chunked => &b"7\r\ndata:\n\n\r\n0\r\n\r\n"[..],
                Framing::UntilClose => b"data:\n\n",
            };
            socket.write_all(wire).await.unwrap();
        });
    })
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        timeout(TIME_MAX, self.0.write_all(bytes)).await.unwrap().unwrap();
    }

    /// The next response head, less its date.
    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.take(1).await);
        }
        let head = String::from_utf8(head).unwrap();
        head.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
    }

    async fn take(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        timeout(TIME_MAX, self.0.read_exact(&mut bytes)).await.unwrap().unwrap();
        bytes
    }

    /// Everything up to the end of the stream.
    async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        timeout(TIME_MAX, self.0.read_to_end(&mut bytes)).await.unwrap().unwrap();
        bytes
    }
}

const TIME_MAX: Duration = Duration::from_secs(10);

/// Long enough for every answer here, even on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(4);
