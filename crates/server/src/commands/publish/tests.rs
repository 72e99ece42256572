//! Lines against a server that is not always there, and that does not take everything.

use super::*;
use serde_json::{Value, json};
use std::{cell::RefCell, future::pending, mem, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    join,
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

type Chunk = io::Result<Vec<u8>>;

/// How lines are published, to be changed by tests that want it otherwise.
struct Run {
    template: Template,
    positions: Positions,
}

impl Run {
    fn to(address: SocketAddr) -> Self {
        let template = Template {
            client: Client::new(&format!("http://{address}")).unwrap(),
            channel: "a".into(),
            event: None,
            key: None,
            content: Content::Plain,
        };
        Self { template, positions: Positions::Hidden }
    }

    /// Publishes chunks until they end or `stop` does; how it ended, and what was said.
    async fn pump(
        self,
        chunks: mpsc::Receiver<Chunk>,
        stop: impl Future<Output = ()> + 'static,
    ) -> (Result<(), String>, String) {
        let mut stderr = Vec::new();
        let report = Report::new(&mut stderr, self.positions);
        let result = Pump::new(self.template, chunks, stop, report).run();
        let result = timeout(Duration::from_secs(20), result).await.unwrap();
        (result.map_err(|error| format!("{error:#}")), String::from_utf8(stderr).unwrap())
    }

    /// Publishes all of `input`, at a server that answers like that.
    async fn whole(
        self,
        input: &[u8],
        listener: TcpListener,
        answer: impl FnMut(&str, Value) -> Option<(u16, Value)>,
    ) -> (Result<(), String>, String) {
        let (sender, chunks) = mpsc::channel(1);
        sender.send(Ok(input.to_vec())).await.unwrap();
        drop(sender);
        select! {
            result = self.pump(chunks, pending()) => result,
            () = serve(listener, answer) => panic!("the server ended"),
        }
    }
}

#[tokio::test]
async fn no_line_is_lost_or_out_of_order_when_the_server_dies_and_comes_back() {
    const LINES: usize = 5000;
    let (listener, address) = listen().await;
    let (sender, chunks) = mpsc::channel(1);
    let feed = async move {
        for line in 0..LINES {
            sender.send(Ok(format!("{line}\n").into_bytes())).await.unwrap();
        }
    };
    let log = RefCell::new(Vec::new());
    let lives = async {
        let mut requests = 0;
        serve(listener, |_, body| {
            requests += 1;
            // The last batch of this life is in the log, but its answer is lost.
            log.borrow_mut().extend(texts(&body));
            (requests < 3).then(|| published(&body))
        })
        .await;
        sleep(Duration::from_millis(300)).await;
        let listener = TcpListener::bind(address).await.unwrap();
        let mut overloaded = true;
        serve(listener, |_, body| {
            if mem::take(&mut overloaded) {
                return Some((503, json!({"code": "unavailable"})));
            }
            log.borrow_mut().extend(texts(&body));
            Some(published(&body))
        })
        .await;
    };
    let fed_and_pumped = async { join!(feed, Run::to(address).pump(chunks, pending())).1 };
    let (result, said) = select! {
        result = fed_and_pumped => result,
        () = lives => panic!("the server ended"),
    };
    assert_eq!(result, Ok(()));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("tidewire: no answer came: ") && said.ends_with("; retrying\n"));

    let mut fresh = Vec::new();
    let mut repeated = Vec::new();
    for text in log.into_inner() {
        if fresh.contains(&text) { repeated.push(text) } else { fresh.push(text) }
    }
    assert!((0..LINES).map(|line| line.to_string()).eq(fresh));
    // Only the batch without an answer came again.
    let first = repeated[0].parse::<usize>().unwrap();
    assert!((first..first + repeated.len()).map(|line| line.to_string()).eq(repeated));
}

#[tokio::test]
async fn what_waits_is_bounded_and_counted_when_there_is_no_server() {
    let (listener, address) = listen().await;
    drop(listener);
    let (sender, chunks) = mpsc::channel(1);
    let feed = async move {
        let mut lines = 0;
        while let Ok(sent) =
            timeout(Duration::from_secs(1), sender.send(Ok(vec![b'\n'; 100]))).await
        {
            sent.unwrap();
            lines += 100;
        }
        lines
    };
    let stop = sleep(Duration::from_secs(2));
    let (lines, (result, _)) = join!(feed, Run::to(address).pump(chunks, stop));
    assert!((8192..8192 + 300).contains(&lines), "{lines}");
    // One chunk waits in the channel.
    assert_eq!(result, Err(format!("stopped by a signal; lines not sent: {}", lines - 100)));
}

#[tokio::test]
async fn a_stop_sends_what_was_read() {
    let (listener, address) = listen().await;
    let (sender, chunks) = mpsc::channel(1);
    sender.send(Ok(b"one\ntwo\nthr".to_vec())).await.unwrap();
    let mut log = Vec::new();
    let (result, said) = select! {
        result = Run::to(address).pump(chunks, async {}) => result,
        () = serve(listener, |_, body| {
            log.extend(texts(&body));
            Some(published(&body))
        }) => panic!("the server ended"),
    };
    assert_eq!((result, &*said), (Ok(()), ""));
    assert_eq!(log, ["one", "two", "thr"]);
    assert!(sender.is_closed());
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_divided_until_the_line_is_found() {
    let (listener, address) = listen().await;
    let mut log = Vec::new();
    let input = ["1", "2", "3", &"x".repeat(200), "5"].join("\n");
    let (result, said) = Run::to(address)
        .whole(input.as_bytes(), listener, |_, body| {
            if body.to_string().len() > 200 {
                let detail = "at most 200 bytes are allowed";
                return Some((413, json!({"code": "payload_too_large", "detail": detail})));
            }
            log.extend(texts(&body));
            Some(published(&body))
        })
        .await;
    assert_eq!(result, Err("lines refused: 1".into()));
    let expected =
        "tidewire: line 4 was not published: at most 200 bytes are allowed (payload_too_large)\n";
    assert_eq!(said, expected);
    assert_eq!(log, ["1", "2", "3", "5"]);
}

#[tokio::test]
async fn a_large_line_goes_as_a_body_of_its_own() {
    let (listener, address) = listen().await;
    let large = "x".repeat(300 << 10);
    let mut seen = Vec::new();
    let (result, _) = Run::to(address)
        .whole(format!("1\n{large}\n3").as_bytes(), listener, |line, body| {
            seen.push(line.to_owned());
            Some(match body.is_object() {
                true => published(&body),
                false => (200, json!({"position": "a-2"})),
            })
        })
        .await;
    assert_eq!(result, Ok(()));
    assert_eq!(
        seen,
        ["POST /publish HTTP/1.1", "POST /publish/a HTTP/1.1", "POST /publish HTTP/1.1"]
    );
}

#[tokio::test]
async fn each_line_of_a_batch_has_its_own_fate() {
    let (listener, address) = listen().await;
    let mut log = Vec::new();
    let mut overloaded = true;
    let run = Run { positions: Positions::Printed, ..Run::to(address) };
    let (result, said) = run
        .whole(b"one\ntwo\nthree\n", listener, |_, body| {
            log.push(texts(&body));
            Some(match mem::take(&mut overloaded) {
                true => (
                    200,
                    json!({"results": [
                        {"error": {"code": "overloaded", "message": "later"}},
                        {"error": {"code": "payload_too_large", "message": "too large"}},
                        {"position": "a-1"},
                    ]}),
                ),
                false => published(&body),
            })
        })
        .await;
    assert_eq!(log, [vec!["one", "two", "three"], vec!["one"]]);
    assert_eq!(result, Err("lines refused: 1".into()));
    let expected = "tidewire: line 2 was not published: too large (payload_too_large)\n\
                line 3: a-1\n\
                tidewire: later (overloaded); retrying\n\
                line 1: a-0\n";
    assert_eq!(said, expected);
}

#[tokio::test]
async fn what_can_never_succeed_ends_it() {
    let forbidden = json!({"code": "forbidden", "message": "not `a`"});
    let (listener, address) = listen().await;
    let (result, _) = Run::to(address)
        .whole(b"one\ntwo\n", listener, |_, _| {
            let result = json!({"error": forbidden});
            Some((200, json!({"results": [result, result]})))
        })
        .await;
    let error = result.unwrap_err();
    let expected = "the server refused the message: not `a` (forbidden); lines not sent: 2\n  Who has signed the token";
    assert!(error.starts_with(expected), "{error}");

    let (listener, address) = listen().await;
    let problem = json!({"code": "forbidden", "title": "Not allowed", "detail": "no"});
    let (result, _) =
        Run::to(address).whole(b"one", listener, |_, _| Some((403, problem.clone()))).await;
    let error = result.unwrap_err();
    let expected = "the server refused the message: Not allowed: no; lines not sent: 1\n";
    assert!(error.starts_with(expected), "{error}");
}

#[tokio::test]
async fn bytes_go_as_base64_and_json_as_itself() {
    let (listener, address) = listen().await;
    let mut log = Vec::new();
    let (result, _) = Run::to(address)
        .whole(b"\0\xff\n\nend", listener, |_, body| {
            log.extend(body["messages"].as_array().unwrap().clone());
            Some(published(&body))
        })
        .await;
    assert_eq!(result, Ok(()));
    let bytes = json!({"channel": "a", "data": "AP8=", "encoding": "base64"});
    let text = |text: &str| json!({"channel": "a", "data": text});
    assert_eq!(log, [bytes, text(""), text("end")]);

    let (listener, address) = listen().await;
    let mut run = Run::to(address);
    run.template.content = Content::Json;
    run.template.event = Some("e".into());
    run.template.key = Some("k".into());
    let mut log = Vec::new();
    let (result, said) = run
        .whole(b"{\"b\":1}\nnope\n[2]\n", listener, |_, body| {
            log.extend(body["messages"].as_array().unwrap().clone());
            Some(published(&body))
        })
        .await;
    assert_eq!(result, Err("lines refused: 1".into()));
    assert!(
        said.starts_with("tidewire: line 2 was not published: the message is not JSON: "),
        "{said}"
    );
    let item = |data: Value| json!({"channel": "a", "data": data, "event": "e", "key": "k"});
    assert_eq!(log, [item(json!({"b": 1})), item(json!([2]))]);
}

#[tokio::test]
async fn input_that_breaks_off_is_reported_after_what_came_is_sent() {
    let (listener, address) = listen().await;
    let (sender, chunks) = mpsc::channel(2);
    sender.send(Ok(b"one\n".to_vec())).await.unwrap();
    sender.send(Err(io::Error::other("no more"))).await.unwrap();
    drop(sender);
    let mut log = Vec::new();
    let (result, _) = select! {
        result = Run::to(address).pump(chunks, pending()) => result,
        () = serve(listener, |_, body| {
            log.extend(texts(&body));
            Some(published(&body))
        }) => panic!("the server ended"),
    };
    assert_eq!(result, Err("cannot read standard input: no more".into()));
    assert_eq!(log, ["one"]);
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers one request a connection; `None` cuts it off and ends the server. A body that is no
/// JSON reads as `null`.
async fn serve(listener: TcpListener, mut answer: impl FnMut(&str, Value) -> Option<(u16, Value)>) {
    loop {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (head, body) = read_request(&mut socket).await;
        let Some((status, body)) = answer(head.lines().next().unwrap(), body) else { return };
        let media_type =
            if status == 200 { "application/json" } else { "application/problem+json" };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} Status\r\nconnection: close\r\ncontent-type: {media_type}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all((head + &body).as_bytes()).await.unwrap();
    }
}

async fn read_request(socket: &mut TcpStream) -> (String, Value) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    socket.read_exact(&mut body).await.unwrap();
    (head, serde_json::from_slice(&body).unwrap_or_default())
}

/// The payloads of a batch.
fn texts(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().unwrap();
    messages.iter().map(|message| message["data"].as_str().unwrap().to_owned()).collect()
}

/// The answer to a batch that is published as a whole.
fn published(body: &Value) -> (u16, Value) {
    let messages = body["messages"].as_array().unwrap().len();
    let results = (0..messages).map(|offset| json!({"position": format!("a-{offset}")}));
    (200, json!({"results": results.collect::<Vec<_>>()}))
}
