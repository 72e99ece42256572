//! A stream beside others of its connection, with a client whose windows are narrow.

use super::*;
use crate::socket::ClientSocket;
use actix_web::rt;
use std::{future::poll_fn, task::Waker};
use tokio::net::TcpStream;

/// As the specification has it.
const WINDOW: usize = 65_535;

type Client = h2::client::SendRequest<Bytes>;

type Server = h2::server::Connection<tokio::io::DuplexStream, Piece>;

async fn connected() -> (Client, Server) {
    let (near, far) = tokio::io::duplex(1 << 20);
    let mut builder = h2::client::Builder::new();
    builder.initial_connection_window_size(4 * 65_535);
    let (connected, accepted) = tokio::join!(
        builder.handshake::<_, Bytes>(near),
        h2::server::Builder::new().max_send_buffer_size(STREAM_BYTES_MAX).handshake(far)
    );
    let (client, connection) = connected.unwrap();
    rt::spawn(connection);
    (client.ready().await.unwrap(), accepted.unwrap())
}

fn get() -> http::Request<()> {
    http::Request::get("https://localhost/").body(()).unwrap()
}

/// Two streams of a server whose client reads nothing as yet, and the bodies that the client has of them.
async fn two_streams(meter: &Http2Meter) -> (Vec<Http2Stream>, Vec<RecvStream>) {
    let (mut client, mut server) = connected().await;
    let (mut streams, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        answers.push(client.send_request(get(), true).unwrap().0);
        let (_, mut respond) = server.accept().await.unwrap().unwrap();
        let send = respond.send_response(http::Response::new(()), false).unwrap();
        streams.push(Http2Stream::new(send, Input::Unread(None), meter.clone()));
    }
    rt::spawn(async move { while server.accept().await.is_some() {} });
    let mut bodies = Vec::new();
    for answer in answers {
        bodies.push(answer.await.unwrap().into_body());
    }
    (streams, bodies)
}

/// What a client holds of a stream and its connection.
type Held = (Client, h2::client::ResponseFuture, SendStream<Bytes>);

/// A stream whose client sends a body and trailers.
async fn with_trailers(meter: &Http2Meter) -> (SendStream<Piece>, Http2Receiver, Held) {
    let (mut client, mut server) = connected().await;
    let (answered, mut send) = client.send_request(get(), false).unwrap();
    let (request, mut respond) = server.accept().await.unwrap().unwrap();
    let answer = respond.send_response(http::Response::new(()), false).unwrap();
    rt::spawn(async move { while server.accept().await.is_some() {} });
    send.send_data(Bytes::from_static(b"unread"), false).unwrap();
    let trailers = http::HeaderMap::from_iter([(http::header::ETAG, "a".parse().unwrap())]);
    send.send_trailers(trailers).unwrap();
    (answer, Http2Receiver::new(request.into_body(), meter), (client, answered, send))
}

fn write(stream: &mut Http2Stream, bytes: &[u8]) -> Poll<usize> {
    let context = &mut Context::from_waker(Waker::noop());
    stream.poll_write(context, &[IoSlice::new(bytes)]).map(Result::unwrap)
}

#[actix_web::test]
async fn a_stream_takes_what_its_client_has_a_window_for_and_leaves_the_rest_to_others() {
    let meter = Http2Meter::new(Rc::new(|| Box::new(())), None);
    let (mut streams, mut bodies) = two_streams(&meter).await;
    let bytes = vec![7; 1 << 20];
    assert_eq!(write(&mut streams[0], &bytes), Poll::Ready(WINDOW));
    assert_eq!(meter.unsent_bytes(), WINDOW);
    assert_eq!(write(&mut streams[0], &bytes), Poll::Pending);
    // The other one has its own window, whatever the first one waits for.
    assert_eq!(write(&mut streams[1], &bytes), Poll::Ready(WINDOW));
    let mut received = 0;
    while received < WINDOW {
        let chunk = bodies[0].data().await.unwrap().unwrap();
        received += chunk.len();
        bodies[0].flow_control().release_capacity(chunk.len()).unwrap();
    }
    assert_eq!(meter.unsent_bytes(), 0, "all of it is with the client");
    poll_fn(|context| streams[0].poll_writable(context)).await;
    assert!(matches!(write(&mut streams[0], &bytes), Poll::Ready(1..=WINDOW)));
}

#[actix_web::test]
async fn a_client_that_ends_its_stream_is_noticed_by_the_next_read() {
    let meter = Http2Meter::new(Rc::new(|| Box::new(())), None);
    let (mut streams, bodies) = two_streams(&meter).await;
    drop(bodies);
    let read = poll_fn(|context| streams[0].poll_read(context, &mut [0])).await;
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(meter.take_resets(), 1);
}

#[actix_web::test]
async fn trailers_are_gone_once_the_body_before_them_is_read() {
    let meter = Http2Meter::new(Rc::new(|| Box::new(())), None);
    let (_answer, mut receiver, _client) = with_trailers(&meter).await;
    let mut read = Vec::new();
    while let Some(bytes) = poll_fn(|context| receiver.poll_next(context)).await {
        read.extend_from_slice(&bytes.unwrap());
    }
    assert_eq!(read, b"unread");
    assert!(receiver.has_ended(), "h2 still holds the trailers");
}

#[actix_web::test]
async fn an_event_stream_drops_what_its_client_sends_and_goes_on() {
    let meter = Http2Meter::new(Rc::new(|| Box::new(())), None);
    let (answer, receiver, client) = with_trailers(&meter).await;
    let mut stream = Http2Stream::new(answer, Input::Unread(Some(receiver)), meter.clone());
    let drained = poll_fn(|context| {
        assert!(stream.poll_read(context, &mut [0]).is_pending(), "the stream is over");
        match stream.input {
            Input::Unread(None) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    });
    drained.await;
    assert_eq!((meter.unread_bytes(), write(&mut stream, b"event")), (0, Poll::Ready(5)));
    drop(client);
}

#[test]
fn a_plain_connection_takes_no_more_memory_for_the_other_kinds() {
    assert_eq!(size_of::<ClientSocket>(), size_of::<TcpStream>());
}
