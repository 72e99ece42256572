//! An echo server on actix-ws: an independent WebSocket peer for the client role of `ws-frame`.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, rt, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, Session};
use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::mpsc,
    thread,
};

/// A running echo server at `/`; dropped, it stops.
#[derive(Debug)]
pub struct EchoServer {
    address: SocketAddr,
    handle: ServerHandle,
}

impl EchoServer {
    /// Starts one in a thread of its own, which actix wants.
    ///
    /// # Errors
    ///
    /// No port could be had.
    pub fn start() -> Result<Self> {
        let (sender, started) = mpsc::channel();
        thread::spawn(move || -> std::io::Result<()> {
            rt::System::new().block_on(async {
                let server = HttpServer::new(|| App::new().route("/", web::get().to(join)));
                let server = server.workers(1).disable_signals().bind((Ipv4Addr::LOCALHOST, 0))?;
                let addresses = server.addrs();
                let server = server.run();
                if sender.send((addresses, server.handle())).is_ok() {
                    server.await?;
                }
                Ok(())
            })
        });
        let (addresses, handle) = started.recv().context("the echo server did not start")?;
        let address = addresses.first().copied().context("it listens nowhere")?;
        Ok(Self { address, handle })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // The command is sent at once; nothing waits for the server's end.
        drop(self.handle.stop(false));
    }
}

async fn join(request: HttpRequest, body: web::Payload) -> actix_web::Result<HttpResponse> {
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    let messages = messages.max_frame_size(FRAME_BYTES_MAX).aggregate_continuations();
    rt::spawn(echo(session, messages));
    Ok(response)
}

async fn echo(mut session: Session, mut messages: AggregatedMessageStream) {
    while let Some(Ok(message)) = messages.next().await {
        let sent = match message {
            AggregatedMessage::Text(text) => session.text(text).await,
            AggregatedMessage::Binary(bytes) => session.binary(bytes).await,
            AggregatedMessage::Ping(payload) => session.pong(&payload).await,
            AggregatedMessage::Pong(_) => Ok(()),
            AggregatedMessage::Close(reason) => return drop(session.close(reason).await),
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Room for the longest form of a length.
const FRAME_BYTES_MAX: usize = 1 << 20;
