//! An echo server on hyper: `cargo run -p tidewire-ws --example hyper_echo --features hyper`.
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ws_frame::hyper::{Upgrade, upgrade};
use ws_frame::{Error, HandshakeError, Options};

async fn answer(mut request: Request<Incoming>) -> Result<Response<String>, HandshakeError> {
    Ok(match upgrade(&mut request, &Options::default()) {
        Ok((response, upgrade)) => {
            tokio::spawn(echo(upgrade));
            response
        }
        Err(error) => ws_frame::http::refuse(error).map(|()| error.to_string()),
    })
}

async fn echo(upgrade: Upgrade) -> Result<(), Error> {
    let mut socket = upgrade.socket().await.map_err(std::io::Error::other)?;
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}

pub(crate) async fn serve(stream: tokio::net::TcpStream) -> hyper::Result<()> {
    let service = service_fn(answer);
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:9001").await?;
    loop {
        tokio::spawn(serve(listener.accept().await?.0));
    }
}
