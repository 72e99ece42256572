//! An axum server with a compressed echo: `cargo run -p tidewire-ws --example axum_echo --features axum,deflate`.
use axum::{Router, response::Response, routing::get};
use ws_frame::axum::WebSocketUpgrade;
use ws_frame::deflate::{Config, Level};
use ws_frame::{Error, Options, hyper::HyperSocket};

async fn upgrade(upgrade: WebSocketUpgrade) -> Response {
    let options = Options::default().compress(Config::default(), Level::DEFAULT);
    upgrade.options(options).on_upgrade(echo)
}

async fn echo(mut socket: HyperSocket) -> Result<(), Error> {
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}

pub(crate) fn router() -> Router {
    Router::new().route("/", get(upgrade))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:9001").await?;
    axum::serve(listener, router()).await
}
