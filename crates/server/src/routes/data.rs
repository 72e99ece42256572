//! A copy of the store, for programs on this machine.
//!
//! It holds everything, whatever grants its reader would have, so it is given to loopback peers only
//! and to no page of a browser. A proxy on this machine is such a peer, too: one that says that it
//! forwards is refused.

use super::WorkerData;
use crate::{access::Peer, problem::ProblemResponse};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web::Bytes,
};
use futures_util::stream;
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};
use tidewire_engine_log::Backup;
use tidewire_protocol::ErrorCode;
use tokio::{sync::mpsc, task::spawn_blocking};

/// `POST /data/backup`: everything that has been answered, as of one moment.
pub(super) async fn backup(
    request: HttpRequest,
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    check_peer(&request)?;
    let Some(log) = &worker_context.http.log else {
        let message = "there is nothing to back up: the log is in memory; `serve --data DIR` stores it on \
            disk";
        return Err(ProblemResponse::new(ErrorCode::NotFound, message));
    };
    let turn = Turn::take().ok_or_else(|| {
        let message = "another backup is running; only one can run at a time";
        ProblemResponse::new(ErrorCode::Overloaded, message)
    })?;
    let backup = log.backup();
    let backup =
        backup.map_err(|error| ProblemResponse::new(ErrorCode::Unavailable, error.to_string()))?;
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    spawn_blocking(move || send(backup, &sender, turn));
    let pieces =
        stream::unfold(
            receiver,
            |mut receiver| async move { Some((receiver.recv().await?, receiver)) },
        );
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(response.content_type(BACKUP_TYPE).streaming(pieces))
}

/// Reads the store on a thread that may wait for the disk, no faster than the peer takes it.
fn send(backup: Backup, sender: &mpsc::Sender<io::Result<Bytes>>, _turn: Turn) {
    for piece in backup {
        if let Err(error) = &piece {
            tracing::error!(%error, "a backup was interrupted");
        }
        let piece = piece.map(Bytes::from).map_err(io::Error::other);
        if sender.blocking_send(piece).is_err() {
            // Nobody takes it any more.
            return;
        }
    }
}

fn check_peer(request: &HttpRequest) -> Result<(), ProblemResponse> {
    let of_page = OF_PAGES.iter().find(|name| request.headers().contains_key(*name));
    let message = match (Peer::of(request), of_page) {
        (Peer::ThisMachine, None) => return Ok(()),
        (Peer::Elsewhere, _) => {
            "only programs on the machine of the server may copy its store".to_owned()
        }
        (Peer::Forwarded(name), _) | (Peer::ThisMachine, Some(name)) => format!(
            "a request with the header {name} comes from a page or through a proxy; run `tidewire data \
             backup` on the machine of the server"
        ),
    };
    Err(ProblemResponse::new(ErrorCode::Forbidden, message))
}

/// While there is one, a backup is being made. Each holds on to old pages of the store and to a
/// thread.
struct Turn(());

impl Turn {
    fn take() -> Option<Self> {
        let was_taken = IS_TAKEN.swap(true, Ordering::AcqRel);
        (!was_taken).then_some(Self(()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        IS_TAKEN.store(false, Ordering::Release);
    }
}

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// What browsers send, and programs do not.
static OF_PAGES: [HeaderName; 2] = [header::ORIGIN, HeaderName::from_static("sec-fetch-site")];

const BACKUP_TYPE: &str = "application/vnd.tidewire.backup";

/// Pieces of 256 KiB read ahead of the peer.
const PIECES_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_a_program_on_this_machine_may_copy_the_store() {
        for (peer, is_here) in [
            ("127.0.0.1:5", true),
            ("[::1]:5", true),
            ("[::ffff:127.0.0.1]:5", true),
            ("10.0.0.5:5", false),
            ("[2001:db8::1]:5", false),
        ] {
            let request = TestRequest::post().peer_addr(peer.parse().unwrap()).to_http_request();
            assert_eq!(check_peer(&request).is_ok(), is_here, "{peer}");
        }
        assert!(check_peer(&TestRequest::post().to_http_request()).is_err(), "nobody knows where");
    }
}
