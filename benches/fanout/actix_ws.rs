//! The peer actix-ws, as people write it: a broadcast channel of tokio, and a task for each subscriber that
//! sends what comes out of it.
//!
//! Set for fairness: one worker, as everybody has; a channel long enough that nobody falls out of it (16,384
//! messages, more than a measurement has under way); the text is a `ByteString`, so that subscribers share its bytes.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use actix_ws::{Message, Session};
use anyhow::Result;
use bytestring::ByteString;
use std::net::TcpListener;
use tokio::sync::broadcast;

type Texts = web::Data<broadcast::Sender<ByteString>>;

/// Serves `/ws` to subscribers and `/publish` to publishers until it is ended.
///
/// # Errors
///
/// The listener cannot be used.
pub(crate) fn serve(listener: TcpListener) -> Result<()> {
    let (texts, _) = broadcast::channel::<ByteString>(TEXTS_MAX);
    let server = HttpServer::new(move || {
        let app = App::new().app_data(web::Data::new(texts.clone()));
        app.route("/ws", web::get().to(subscribe)).route("/publish", web::get().to(publish))
    });
    rt::System::new().block_on(server.workers(1).listen(listener)?.run())?;
    Ok(())
}

async fn subscribe(
    request: HttpRequest,
    body: web::Payload,
    texts: Texts,
) -> actix_web::Result<HttpResponse> {
    let (response, session, mut messages) = actix_ws::handle(&request, body)?;
    rt::spawn(forward(session, texts.subscribe()));
    // The reading side has a task of its own: a delivery does not poll it.
    rt::spawn(async move { while let Some(Ok(_)) = messages.recv().await {} });
    Ok(response)
}

async fn publish(
    request: HttpRequest,
    body: web::Payload,
    texts: Texts,
) -> actix_web::Result<HttpResponse> {
    let (response, session, mut messages) = actix_ws::handle(&request, body)?;
    rt::spawn(async move {
        while let Some(Ok(message)) = messages.recv().await {
            if let Message::Text(text) = message {
                // Without a subscriber there is nobody to miss it.
                let _received = texts.send(text);
            }
        }
        drop(session);
    });
    Ok(response)
}

async fn forward(mut session: Session, mut texts: broadcast::Receiver<ByteString>) {
    loop {
        let sent = match texts.recv().await {
            Ok(text) => session.text(text).await.is_ok(),
            // The reader counts what is missing.
            Err(broadcast::error::RecvError::Lagged(_)) => true,
            Err(broadcast::error::RecvError::Closed) => false,
        };
        if !sent {
            return;
        }
    }
}

const TEXTS_MAX: usize = 16_384;
