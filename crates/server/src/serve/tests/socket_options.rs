//! The options of a subscriber's socket: the kernel keeps little unsent, and gives up in time.

use super::*;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::SockRef;
use std::fs;

#[actix_web::test]
async fn a_subscribers_socket_holds_little_unsent_and_gives_up_as_soon_as_we_would() {
    let server = Running::start();
    for request in [EVENTS, STREAM, HANDSHAKE] {
        let client = server.connect(request).await;
        let wanted = Some(Options {
            user_timeout: Some(Duration::from_secs(60)),
            notsent_lowat: 64 << 10,
            has_no_delay: true,
        });
        let start = Instant::now();
        // The options are set once the head has been sent.
        while options(client.local_addr().unwrap()) != wanted {
            let options = options(client.local_addr().unwrap());
            assert!(start.elapsed() < DRAIN, "{options:?} instead of {wanted:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
    server.end(DRAIN).await;
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    user_timeout: Option<Duration>,
    notsent_lowat: u32,
    has_no_delay: bool,
}

/// Those of the server's socket to `peer`, which is one of this process.
fn options(peer: SocketAddr) -> Option<Options> {
    let process = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    fs::read_dir("/proc/self/fd").unwrap().find_map(|entry| {
        let number = entry.ok()?.file_name().to_str()?.parse().ok()?;
        // Another one's file may be closed by now, and is no socket mostly.
        let file = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok()?;
        let socket = SockRef::from(&file);
        (socket.peer_addr().ok()?.as_socket()? == peer).then_some(())?;
        Some(Options {
            user_timeout: socket.tcp_user_timeout().ok()?,
            notsent_lowat: socket.tcp_notsent_lowat().ok()?,
            has_no_delay: socket.tcp_nodelay().ok()?,
        })
    })
}

const EVENTS: &[u8] = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
const STREAM: &[u8] = b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
