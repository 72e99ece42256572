//! An event stream that is refused for the moment says why and for how long, in an event.

use crate::scripted::{Answer, Server, soon, texts};
use futures_util::StreamExt;
use std::{
    future::poll_fn,
    task::Poll,
    time::{Duration, Instant},
};
use tidewire_client::Wire;

#[tokio::test]
async fn a_refused_event_stream_is_asked_for_again_in_time() {
    let refusal = "event: $error\ndata: {\"type\":\"error\",\"code\":\"unavailable\",\
                   \"message\":\"no room\",\"retry_ms\":400}\n\n";
    let hi =
        "id: a-2\ndata: {\"channel\":\"x\",\"position\":\"a-2\",\"time\":0,\"data\":\"hi\"}\n\n";
    let mut server = Server::start([Answer::sse(refusal), Answer::sse(hi).hold()]).await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Sse).stream();
    let outage = soon(poll_fn(|cx| {
        assert!(deliveries.poll_next_unpin(cx).is_pending());
        deliveries.outage().cloned().map_or(Poll::Pending, Poll::Ready)
    }))
    .await;
    let refused = Instant::now();
    assert_eq!((&*outage.cause, outage.was_connected), ("no room", false));
    assert_eq!(texts(&mut deliveries, 1).await, ["hi"]);
    assert!(refused.elapsed() >= Duration::from_millis(350), "{:?}", refused.elapsed());
    server.received().await;
    server.received().await;
}
