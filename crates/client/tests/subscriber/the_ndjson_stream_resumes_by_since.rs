//! Over NDJSON a cut line is not delivered, and `since` asks for what follows the last whole one.

use crate::scripted::{Answer, Server, first_line, texts};
use tidewire_client::Wire;

#[tokio::test]
async fn a_cut_stream_goes_on_behind_the_last_whole_line() {
    let stream = |body| Answer::new("200 OK", "application/x-ndjson; charset=utf-8", body);
    let mut server = Server::start([
        stream("{\"position\":\"a-1\"}\n{\"channel\":\"x\",\"position\":\"a-2\",\"time\":0,\"data\":\"one\"}\n{\"chan"),
        stream("{\"position\":\"a-2\"}\n\n{\"type\":\"new\"}\n"),
        stream("{\"channel\":\"x\",\"position\":\"a-3\",\"time\":0,\"data\":\"two\"}\n").hold(),
    ])
    .await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Stream).stream();
    assert_eq!(texts(&mut deliveries, 2).await, ["one", "two"]);
    for since in ["now", "a-2", "a-2"] {
        let line = format!("GET /stream?channel=x&since={since}&format=json HTTP/1.1");
        assert_eq!(first_line(&server.received().await), line);
    }
}
