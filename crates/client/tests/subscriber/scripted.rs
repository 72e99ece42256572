//! A server that gives prepared answers, one a connection, and records the requests.

use futures_util::StreamExt;
use std::{future::Future, time::Duration};
use tidewire_client::{
    Backoff, Client, ClientBuilder, Delivery, RawMessage as Message, SubscribeError,
    SubscribeRequest, Subscription,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{sleep, timeout},
};

/// What to do with one connection.
pub(crate) struct Answer {
    /// The response; `{accept}` becomes what the WebSocket handshake wants.
    head: String,
    /// How many frames to read before going on.
    frames_in: usize,
    body: Vec<u8>,
    /// How long to pause before each few bytes of the body.
    pause: Duration,
    /// What to send after one more frame has come.
    last_words: Option<Vec<u8>>,
    hold: bool,
}

impl Answer {
    /// A response and its body, with the end of the connection for its length.
    pub(crate) fn new(status: &str, media_type: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\n\r\n");
        let pause = Duration::ZERO;
        Self { head, frames_in: 0, body: body.into(), pause, last_words: None, hold: false }
    }

    pub(crate) fn sse(body: &str) -> Self {
        Self::new("200 OK", "text/event-stream", body)
    }

    pub(crate) fn json(body: &str) -> Self {
        Self::new("200 OK", "application/json", body)
    }

    pub(crate) fn problem(status: &str, body: &str) -> Self {
        Self::new(status, "application/problem+json", body)
    }

    /// Agrees to a WebSocket, reads `frames_in` frames, then sends these bytes.
    pub(crate) fn websocket(frames_in: usize, body: Vec<u8>) -> Self {
        let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-accept: {accept}\r\nsec-websocket-protocol: tidewire.v1\r\n\r\n";
        let pause = Duration::ZERO;
        Self { head: head.into(), frames_in, body, pause, last_words: None, hold: false }
    }

    /// Leaves the connection open afterwards, without another word.
    pub(crate) fn hold(self) -> Self {
        Self { hold: true, ..self }
    }

    /// Reads one more frame after the body, and then sends these bytes.
    pub(crate) fn then(self, last_words: Vec<u8>) -> Self {
        Self { last_words: Some(last_words), ..self }
    }

    /// Sends the body a few bytes at a time, with this pause before each.
    pub(crate) fn slowly(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    async fn give(self, mut socket: TcpStream, said: mpsc::UnboundedSender<String>) {
        let request = read_request(&mut socket).await;
        let key = header(&request, "sec-websocket-key").unwrap_or_default().to_owned();
        said.send(request).unwrap();
        let accept = ws_frame::HandshakeKey::parse(&key).map(|key| key.accept());
        let head = self.head.replace("{accept}", &accept.unwrap_or_default());
        socket.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..self.frames_in {
            said.send(read_frame(&mut socket).await).unwrap();
        }
        let piece_bytes = if self.pause.is_zero() { self.body.len().max(1) } else { 16 };
        for piece in self.body.chunks(piece_bytes) {
            sleep(self.pause).await;
            socket.write_all(piece).await.unwrap();
        }
        if let Some(last_words) = self.last_words {
            said.send(read_frame(&mut socket).await).unwrap();
            socket.write_all(&last_words).await.unwrap();
        }
        if self.hold {
            // Until the client gives up.
            let _ = socket.read_to_end(&mut Vec::new()).await;
        }
    }
}

/// A running script. After its last answer, connections are refused.
pub(crate) struct Server {
    pub(crate) client: Client,
    said: mpsc::UnboundedReceiver<String>,
}

impl Server {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_for(|builder| builder, answers).await
    }

    /// The same for a client that is made like this.
    pub(crate) async fn start_for(
        client: impl FnOnce(ClientBuilder) -> ClientBuilder,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let client = client(Client::builder(&base)).build().unwrap();
        let (say, said) = mpsc::unbounded_channel();
        let answers: Vec<_> = answers.into_iter().collect();
        tokio::spawn(async move {
            for answer in answers {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(answer.give(socket, say.clone()));
            }
        });
        Self { client, said }
    }

    /// The next request, head and body, or frame.
    pub(crate) async fn received(&mut self) -> String {
        soon(self.said.recv()).await.unwrap()
    }

    /// A subscription that does not wait long.
    pub(crate) fn subscribe(&self, channels: &[&str]) -> SubscribeRequest {
        let backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(20));
        self.client.subscribe_raw(channels).backoff(backoff)
    }
}

/// The request's first line.
pub(crate) fn first_line(request: &str) -> &str {
    request.lines().next().unwrap()
}

/// A request's header.
pub(crate) fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// An unmasked text frame, as a server sends it.
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        len @ 0..126 => frame.push(u8::try_from(len).unwrap()),
        len => {
            frame.push(126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
    }
    frame.extend(text.as_bytes());
    frame
}

/// The next thing delivered.
pub(crate) async fn next(
    deliveries: &mut Subscription,
) -> Option<Result<Delivery, SubscribeError>> {
    soon(deliveries.next()).await
}

/// The next thing delivered, which is a message.
pub(crate) async fn message(deliveries: &mut Subscription) -> Message {
    match next(deliveries).await {
        Some(Ok(Delivery::Message(message))) => message,
        other => panic!("{other:?}"),
    }
}

/// The texts of the next `count` messages.
pub(crate) async fn texts(deliveries: &mut Subscription, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(message(deliveries).await.text().unwrap().into_owned());
    }
    texts
}

/// The end of the subscription.
pub(crate) async fn error(deliveries: &mut Subscription) -> SubscribeError {
    match next(deliveries).await {
        Some(Err(error)) => error,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), future).await.unwrap()
}

async fn read_request(socket: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        request.push(socket.read_u8().await.unwrap());
        if request.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8(request.clone()).unwrap();
            let len = header(&head, "content-length").map_or(0, |len| len.parse().unwrap());
            let mut body = vec![0; len];
            socket.read_exact(&mut body).await.unwrap();
            return head + &String::from_utf8_lossy(&body);
        }
    }
}

/// Reads one short masked text frame.
async fn read_frame(socket: &mut TcpStream) -> String {
    assert_eq!(socket.read_u8().await.unwrap(), 0x81);
    let len = socket.read_u8().await.unwrap();
    assert!((0x80..0x80 + 126).contains(&len), "{len:#x}");
    let mut key = [0; 4];
    socket.read_exact(&mut key).await.unwrap();
    let mut payload = vec![0; usize::from(len & 0x7F)];
    socket.read_exact(&mut payload).await.unwrap();
    for (index, byte) in payload.iter_mut().enumerate() {
        *byte ^= key[index % 4];
    }
    String::from_utf8(payload).unwrap()
}
