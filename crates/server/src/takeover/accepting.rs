//! Accepting connections in turns.
//!
//! actix's worker takes over all sockets that were accepted for it, one after the other, for as long as the service is ready:
//! when thousands come at once, nothing else runs meanwhile. Here the service is ready for a limited number in a round of the
//! worker's loop.

use crate::request_turns::RequestTurns;
use actix_service::{Service, ServiceFactory};
use futures_util::TryFutureExt as _;
use futures_util::future::{LocalBoxFuture, ready};
use std::task::{Context, Poll};

/// A service, or the factory of one, that takes connections in turns.
pub(super) struct Accepting<T> {
    inner: T,
    turns: RequestTurns,
}

impl<T> Accepting<T> {
    pub(super) fn new(inner: T, turns: RequestTurns) -> Self {
        Self { inner, turns }
    }
}

impl<F, R> ServiceFactory<R> for Accepting<F>
where
    F: ServiceFactory<R>,
    F::Future: 'static,
    F::Service: 'static,
    F::InitError: 'static,
{
    type Response = F::Response;
    type Error = F::Error;
    type Config = F::Config;
    type Service = Accepting<F::Service>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, config: Self::Config) -> Self::Future {
        let turns = self.turns.clone();
        Box::pin(
            self.inner
                .new_service(config)
                .and_then(|inner| ready(Ok(Accepting::new(inner, turns)))),
        )
    }
}

impl<S: Service<R>, R> Service<R> for Accepting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        match self.inner.poll_ready(context) {
            Poll::Ready(Ok(())) => self.turns.poll_accept(context).map(Ok),
            other => other,
        }
    }

    fn call(&self, connection: R) -> Self::Future {
        self.turns.note_accepted();
        self.inner.call(connection)
    }
}
