//! Renewing a connection in place: a fresh token is fetched and handed over while messages go on.

use crate::{Client, machine::Item, token::Token};
use reqwest::Method;
use std::{fmt, future::poll_fn, pin::Pin, task::Poll};

/// What a connection has said: for the link, or for its own renewal.
pub(super) enum Received {
    Item(Item),
    /// The secret name by which this connection is renewed.
    Named(String),
    /// The token of this connection expires soon.
    Expiring,
}

/// Something that goes on beside a connection, if anything does.
pub(super) struct Background<T>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T> Background<T> {
    pub(super) const fn idle() -> Self {
        Self(None)
    }

    /// Begins it, in place of what went on before.
    pub(super) fn start(&mut self, work: impl Future<Output = T> + Send + 'static) {
        self.0 = Some(Box::pin(work));
    }

    /// Its result, once; nothing ever while there is no work. May be dropped and called again.
    pub(super) async fn done(&mut self) -> T {
        poll_fn(|cx| {
            let Some(work) = &mut self.0 else { return Poll::Pending };
            let polled = work.as_mut().poll(cx);
            if polled.is_ready() {
                self.0 = None;
            }
            polled
        })
        .await
    }
}

impl<T> fmt::Debug for Background<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Background").field(&self.0.is_some()).finish()
    }
}

/// A newer token than the one in use. Without one, or if it cannot be had, the connection ends with its token, and the next
/// one asks again.
pub(super) async fn newer_token(client: Client) -> Option<Token> {
    let held = client.tokens().current().await.ok()??;
    match held.is_fresh {
        true => Some(held.token),
        false => client.tokens().newer_than(&held.token).await.ok()?,
    }
}

/// The renewal of a response that does not end, which takes no token itself: by a request of its own.
#[derive(Debug)]
pub(super) struct Renewal {
    client: Client,
    /// The secret name of the connection, which the server has said.
    connection: Option<String>,
    running: Background<()>,
}

impl Renewal {
    pub(super) fn new(client: &Client) -> Self {
        Self { client: client.clone(), connection: None, running: Background::idle() }
    }

    /// The connection has this name.
    pub(super) fn name(&mut self, connection: String) {
        self.connection = Some(connection);
    }

    /// The token expires soon.
    pub(super) fn start(&mut self) {
        let Some(connection) = self.connection.clone() else { return };
        let client = self.client.clone();
        self.running.start(async move {
            let Some(_token) = newer_token(client.clone()).await else { return };
            // It has the newer token. If it is refused, the connection goes on until the older one expires.
            let path = ["connections", &connection, "token"];
            let request =
                client.request(Method::POST, &path, &[]).timeout(client.request_timeout());
            let _refused = client.send(request).await;
        });
    }

    /// Ends with each renewal. May be dropped and called again.
    pub(super) async fn done(&mut self) {
        self.running.done().await;
    }
}
