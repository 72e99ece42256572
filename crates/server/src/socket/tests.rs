//! TLS as a socket, against rustls's own client over loopback.

use super::{tls::TlsStream, *};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{future::poll_fn, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client};

#[tokio::test]
async fn what_is_written_arrives_in_order_however_it_is_cut_into_slices() {
    let (mut socket, mut client) = connected(WIDE).await;
    for lengths in
        [&[5][..], &[0, 3, 0, 40_000, 7, 16_384, 20_000, 1], &[16_384, 16_385], &[300; 200]]
    {
        let slices: Vec<Vec<u8>> = (0u8..).zip(lengths).map(|(n, len)| vec![n; *len]).collect();
        let slices: Vec<IoSlice<'_>> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let mut written = 0;
        let writing = poll_fn(|context| {
            while written < all.len() {
                let rest = match written {
                    0 => socket.poll_write(context, &slices),
                    _ => socket.poll_write(context, &[IoSlice::new(&all[written..])]),
                };
                written += ready!(rest).unwrap();
            }
            socket.poll_writable(context)
        });
        let mut received = vec![0; all.len()];
        let both = async { tokio::join!(writing, client.read_exact(&mut received)) };
        let ((), read) = timeout(A_WHILE, both).await.expect("not all of it arrives");
        read.unwrap();
        assert!(received == all, "{lengths:?}");
        assert_eq!(socket.unsent_bytes(), 0);
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_has_one_record_kept_for_it_and_then_gets_all() {
    let (mut socket, mut client) = connected(NARROW).await;
    let text: Vec<u8> =
        (0..4_000_000u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let mut written = 0;
    // Until it takes no more.
    let stuck =
        poll_fn(|context| match socket.poll_write(context, &[IoSlice::new(&text[written..])]) {
            Poll::Ready(count) => {
                written += count.unwrap();
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Ready(()),
        });
    timeout(A_WHILE, stuck).await.expect("it takes everything");
    assert!(written < text.len(), "the kernel has taken all of it");
    let kept = socket.unsent_bytes();
    assert!((1..=16_384 + 512).contains(&kept), "{kept} bytes");
    assert!(now(|context| socket.poll_writable(context)).is_pending());
    let writing = poll_fn(|context| {
        while written < text.len() {
            let slices = [IoSlice::new(&text[written..])];
            written += ready!(socket.poll_write(context, &slices)).unwrap();
        }
        // The last record may be kept.
        socket.poll_writable(context)
    });
    let mut received = vec![0; text.len()];
    let both = async { tokio::join!(writing, client.read_exact(&mut received)) };
    let ((), read) = timeout(A_WHILE, both).await.expect("not all of it arrives");
    read.unwrap();
    assert!(received == text);
    assert_eq!(socket.unsent_bytes(), 0);
}

#[tokio::test]
async fn an_idle_socket_keeps_nothing_of_what_it_has_read_or_written() {
    let (mut socket, mut client) = connected(WIDE).await;
    client.write_all(&[7; 50_000]).await.unwrap();
    client.flush().await.unwrap();
    let mut received = 0;
    let mut buffer = [0; 1_000];
    while received < 50_000 {
        received += timeout(A_WHILE, poll_fn(|context| socket.poll_read(context, &mut buffer)))
            .await
            .unwrap()
            .unwrap();
    }
    assert!(now(|context| socket.poll_read(context, &mut buffer)).is_pending());
    assert_eq!((socket.unread_bytes(), socket.unsent_bytes()), (0, 0));
    let written = poll_fn(|context| socket.poll_write(context, &[IoSlice::new(b"hello")])).await;
    assert_eq!((written.unwrap(), socket.unsent_bytes()), (5, 0));
}

#[tokio::test]
async fn both_sides_say_their_end() {
    let (mut socket, mut client) = connected(WIDE).await;
    socket.end_sending();
    socket.end_sending();
    // Without `close_notify` rustls's client reports that the stream was cut off.
    assert_eq!(timeout(A_WHILE, client.read(&mut [0])).await.unwrap().unwrap(), 0);
    client.write_all(b"last").await.unwrap();
    client.shutdown().await.unwrap();
    let mut buffer = [0; 100];
    let mut reads = Vec::new();
    while reads.last() != Some(&0) {
        let read = poll_fn(|context| socket.poll_read(context, &mut buffer));
        reads.push(timeout(A_WHILE, read).await.unwrap().unwrap());
    }
    assert_eq!(reads, [4, 0]);
    let written = now(|context| socket.poll_write(context, &[IoSlice::new(b"more")]));
    assert!(matches!(written, Poll::Ready(Err(_))), "{written:?}");
}

/// One look, for what is not waited for.
fn now<T>(look: impl FnOnce(&mut Context<'_>) -> T) -> T {
    look(&mut Context::from_waker(std::task::Waker::noop()))
}

/// A server's socket and the client at its other end, after the handshake.
async fn connected(receive_bytes: u32) -> (ClientSocket, client::TlsStream<TcpStream>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap().der().clone();
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let server = Arc::new(server.with_single_cert(vec![certificate.clone()], key).unwrap());
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider);
    let client = client.with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(receive_bytes).unwrap();
    let tcp = tcp.connect(listener.local_addr().unwrap()).await.unwrap();
    let accepted = listener.accept().await.unwrap().0;
    let mut socket = TlsStream::new(accepted, server).unwrap();
    let shaken = poll_fn(|context| socket.poll_handshake(context, |_| Poll::Ready(())));
    let connector = TlsConnector::from(Arc::new(client));
    let connecting = connector.connect("localhost".try_into().unwrap(), tcp);
    let (shaken, client) = tokio::join!(shaken, connecting);
    shaken.unwrap();
    (socket.into(), client.unwrap())
}

const WIDE: u32 = 1 << 20;
const NARROW: u32 = 4 << 10;
const A_WHILE: Duration = Duration::from_secs(30);
