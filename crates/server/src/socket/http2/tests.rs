//! A stream beside others of its connection, with a client whose windows are narrow.

use super::*;
use crate::socket::ClientSocket;
use actix_web::rt;
use std::{future::poll_fn, task::Waker};
use tokio::net::TcpStream;

/// As the specification has it.
const WINDOW: usize = 65_535;

/// Two streams of a server whose client reads nothing as yet, and the bodies that the client has of them.
async fn two_streams(meter: &Http2Meter) -> (Vec<Http2Stream>, Vec<RecvStream>) {
    let (near, far) = tokio::io::duplex(1 << 20);
    let mut builder = h2::client::Builder::new();
    builder.initial_connection_window_size(4 * 65_535);
    let (connected, accepted) = tokio::join!(
        builder.handshake::<_, Bytes>(near),
        h2::server::Builder::new().max_send_buffer_size(STREAM_BYTES_MAX).handshake(far)
    );
    let (client, connection) = connected.unwrap();
    rt::spawn(connection);
    let mut server: h2::server::Connection<_, Piece> = accepted.unwrap();
    let mut client = client.ready().await.unwrap();
    let (mut streams, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let request = http::Request::get("https://localhost/").body(()).unwrap();
        answers.push(client.send_request(request, true).unwrap().0);
        let (_, mut respond) = server.accept().await.unwrap().unwrap();
        let send = respond.send_response(http::Response::new(()), false).unwrap();
        streams.push(Http2Stream::new(send, None, meter.clone()));
    }
    rt::spawn(async move { while server.accept().await.is_some() {} });
    let mut bodies = Vec::new();
    for answer in answers {
        bodies.push(answer.await.unwrap().into_body());
    }
    (streams, bodies)
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

#[test]
fn a_plain_connection_takes_no_more_memory_for_the_other_kinds() {
    assert_eq!(size_of::<ClientSocket>(), size_of::<TcpStream>());
}
