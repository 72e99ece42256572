//! A copy of the store, for operators: it holds everything, whatever a grant to read would cover.

use super::WorkerData;
use crate::{access::AdminPermit, problem::ProblemResponse};
use actix_web::{HttpResponse, http::header, web::Bytes};
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
    _: AdminPermit,
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
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

const BACKUP_TYPE: &str = "application/vnd.tidewire.backup";

/// Pieces of 256 KiB read ahead of the peer.
const PIECES_MAX: usize = 4;
