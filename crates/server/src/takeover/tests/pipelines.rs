//! Requests in a row, over a pipe in memory that holds little: what the dispatcher is given of them, and when.

use super::TIME_MAX;
use crate::takeover::proxied::Remote;
use crate::takeover::service::{in_turn, serve};
use crate::takeover::socket::{ConnectionOptions, HandoffStream};
use crate::takeover::{HttpTimeouts, RefusalBody};
use actix_http::HttpService;
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config,
};
use actix_web::dev::AppConfig;
use actix_web::{App, HttpRequest, HttpResponse, rt, web};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::time::timeout;

#[actix_web::test]
async fn nothing_is_polled_while_answers_are_not_taken() {
    for request in [
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody\nbody",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        "GET /waits HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /waits HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
    ] {
        let pipe = Pipe::open(TIME_MAX).await;
        let _writer = pipe.send(request.repeat(20_000));
        pipe.run_others().await;
        let (polls, served) = (pipe.polls.get(), pipe.served.get());
        pipe.run_others().await;
        assert_eq!(pipe.polls.get(), polls, "it spins after {request}");
        assert!(served <= 3, "{served} requests are served of which no answer is taken: {request}");
    }
}

#[actix_web::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let mut pipe = Pipe::open(TIME_MAX).await;
    let request = |number: usize| match number % 3 {
        0 => format!("GET /{number}> HTTP/1.1\r\nHost: a\r\n\r\n"),
        1 => format!("POST /{number}> HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n/> "),
        _ => format!(
            "POST /{number}> HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nGET >\r\n0\r\n\r\n"
        ),
    };
    let writer = pipe.send((0..1_000).map(request).collect());
    for number in 0..1_000 {
        let answer = pipe.answer().await;
        let body = ["", "/> ", "GET >"][number % 3];
        assert!(answer.ends_with(&format!("/{number}%3E{body}")), "{number}: {answer}");
    }
    writer.await.unwrap();
}

#[actix_web::test]
async fn a_client_that_takes_nothing_is_disconnected_after_the_stall() {
    let mut pipe = Pipe::open(Duration::from_millis(50)).await;
    let _writer = pipe.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20_000));
    let gone = async {
        while !pipe.is_over.get() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(TIME_MAX, gone).await.expect("the connection should have ended");
    let mut rest = Vec::new();
    timeout(TIME_MAX, pipe.reader.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest.len(), PIPE_BYTES);
}

/// The client's side of a connection, and what is seen of the server's.
struct Pipe {
    reader: ReadHalf<DuplexStream>,
    writer: Rc<tokio::sync::Mutex<WriteHalf<DuplexStream>>>,
    polls: Rc<Cell<usize>>,
    served: Rc<Cell<usize>>,
    is_over: Rc<Cell<bool>>,
}

impl Pipe {
    async fn open(stall: Duration) -> Self {
        let (polls, served, is_over) = (Rc::default(), Rc::default(), Rc::default());
        let count = Rc::<Cell<usize>>::clone(&served);
        let echo = web::to(move |request: HttpRequest, body: web::Bytes| {
            count.set(count.get() + 1);
            let path = request.path().as_bytes().to_vec();
            async move { HttpResponse::Ok().body([path, body.to_vec()].concat()) }
        });
        let waits = web::to(std::future::pending::<HttpResponse>);
        let app = App::new().route("/waits", waits).default_service(echo);
        let app = app.into_factory().map_err(|error| error.error_response());
        let app = apply_fn_factory(app, |request, app: &_| {
            in_turn::<DuplexStream, _>(request, app, TIME_MAX)
        });
        let http = HttpService::build()
            .on_connect_ext(|socket: &HandoffStream<DuplexStream>, data| {
                drop(data.insert(socket.link()));
            })
            .h1(map_config(app, |()| AppConfig::default()))
            .new_service(())
            .await
            .unwrap();
        let (client, server) = duplex(PIPE_BYTES);
        let timeouts = HttpTimeouts { stall, ..HttpTimeouts::default() };
        let options = ConnectionOptions {
            timeouts,
            ..ConnectionOptions::of(Rc::new(|_| RefusalBody::default()))
        };
        let driven = serve(&http, server, Remote::default(), options);
        let pipe_polls = Rc::<Cell<usize>>::clone(&polls);
        let ended = Rc::<Cell<bool>>::clone(&is_over);
        rt::spawn(async move {
            let mut driven = pin!(driven);
            let outcome = poll_fn(|context| {
                pipe_polls.set(pipe_polls.get() + 1);
                driven.as_mut().poll(context)
            });
            let _outcome = outcome.await;
            ended.set(true);
        });
        let (reader, writer) = split(client);
        let writer = Rc::new(tokio::sync::Mutex::new(writer));
        Self { reader, writer, polls, served, is_over }
    }

    fn send(&self, requests: String) -> rt::task::JoinHandle<()> {
        let writer = Rc::clone(&self.writer);
        rt::spawn(async move {
            // It fails if the connection is closed, which other assertions check.
            let _sent = writer.lock().await.write_all(requests.as_bytes()).await;
        })
    }

    /// The next answer, its head and its body.
    async fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(timeout(TIME_MAX, self.reader.read_u8()).await.unwrap().unwrap());
        }
        let head = String::from_utf8(answer.clone()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        timeout(TIME_MAX, self.reader.read_exact(&mut body)).await.unwrap().unwrap();
        head + std::str::from_utf8(&body).unwrap()
    }

    /// Lets both sides do all they can, as long as one of them still does something.
    async fn run_others(&self) {
        for _ in 0..20_000 {
            tokio::task::yield_now().await;
        }
    }
}

/// Less than the head of an answer.
const PIPE_BYTES: usize = 64;
