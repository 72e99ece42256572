//! `https` and `wss` URLs, with the certificates that the system trusts.

use crate::{
    program::{Server, run, tidewire},
    tls::Proxy,
};

#[tokio::test]
async fn every_command_and_wire_speaks_tls() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address.clone()).await;
    let (https, wss) = (format!("https://{}", proxy.address), format!("wss://{}", proxy.address));
    let trusting = |arguments: &[&str]| {
        let mut command = tidewire(arguments);
        command.env("SSL_CERT_FILE", proxy.root());
        command
    };
    let published = run(&mut trusting(&["publish", "a", "hi", "--url", &https])).await;
    assert!(published.is_success, "{published:?}");
    for (wire, url) in [("ws", &wss), ("sse", &https), ("stream", &https), ("poll", &wss)] {
        let arguments =
            ["subscribe", "a", "--since", "earliest", "--count", "1", "--wire", wire, "--url", url];
        let followed = run(&mut trusting(&arguments)).await;
        assert!(followed.is_success && followed.out == "hi\n", "{wire}: {followed:?}");
        assert_eq!(followed.err, format!("following a at {https}\n"));
    }
    let mut history = trusting(&["history", "a"]);
    let history = run(history.env("TIDEWIRE_URL", &wss)).await;
    assert!(history.is_success && history.out == "hi\n", "{history:?}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address.clone()).await;
    let other = Proxy::start(server.address.clone()).await;
    let mut publish =
        tidewire(&["publish", "a", "hi", "--url", &format!("https://{}", proxy.address)]);
    let refused = run(publish.env("SSL_CERT_FILE", other.root())).await;
    assert!(!refused.is_success && refused.err.contains("certificate"), "{refused:?}");
    let nothing = run(&mut tidewire(&["history", "a", "--url", &server.address])).await;
    assert_eq!(nothing.out, "");
}

#[tokio::test]
async fn a_machine_without_certificates_still_speaks_plain_http() {
    let server = Server::start().await;
    let without = |url: String| {
        let mut command = tidewire(&["publish", "a", "hi", "--url", &url]);
        command.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere");
        command
    };
    let published = run(&mut without(server.address.clone())).await;
    assert!(published.is_success, "{published:?}");
    let refused = run(&mut without(format!("https://{}", server.address))).await;
    assert!(!refused.is_success && refused.err.contains("certificates"), "{refused:?}");
}
