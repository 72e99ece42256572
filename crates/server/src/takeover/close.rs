//! The end of a connection whose last answers are still on their way.

use actix_rt::spawn;
use bytes::Bytes;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// Ends a connection that was taken, once the answers before are on their way.
pub(super) fn close_after_answer<S>(disconnect: Duration) -> impl FnOnce(S, Bytes) + 'static
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    move |socket, _| drop(spawn(close(socket, disconnect)))
}

/// Ends a connection so that the answers before are not lost: what the client still sends is read.
async fn close(mut socket: impl AsyncRead + AsyncWrite + Unpin, disconnect: Duration) {
    let rest = async {
        socket.shutdown().await?;
        let mut ignored = [0; 1 << 10];
        while socket.read(&mut ignored).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    // However it ends, the socket is closed.
    let _ = timeout(disconnect, rest).await;
}
