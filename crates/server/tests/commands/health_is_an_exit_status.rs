//! `tidewire health` says by its exit status whether a server is ready.

use crate::program::{Server, run, tidewire};

#[tokio::test]
async fn a_server_that_listens_is_ready_and_no_server_is_not() {
    let server = Server::start().await;
    let url = format!("http://{}", server.address);
    let asked = run(&mut tidewire(&["health", "--url", &server.address])).await;
    assert!(asked.is_success && asked.out.is_empty(), "{asked:?}");
    assert_eq!(asked.err, format!("the server at {url} is ready\n"));

    // As in a container, whose variable says where the server listens.
    let mut quiet = tidewire(&["health", "--quiet"]);
    let port = server.address.rsplit_once(':').unwrap().1;
    let quiet = run(quiet.env("TIDEWIRE_LISTEN", format!("0.0.0.0:{port}"))).await;
    assert!(quiet.is_success && quiet.err.is_empty(), "{quiet:?}");

    drop(server);
    let gone = run(&mut tidewire(&["health", "--quiet", "--url", &url])).await;
    let said = format!("tidewire: the server at {url} is not ready: no answer came");
    assert!(!gone.is_success && gone.err.starts_with(&said), "{gone:?}");
}
