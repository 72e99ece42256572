//! Has every request of an application pass [`authorise`].

use super::{SharedAccess, authorise};
use actix_web::{
    Error,
    body::BoxBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
};
use futures_util::future::LocalBoxFuture;
use std::{
    future::{Ready, ready},
    rc::Rc,
};

/// The middleware.
#[derive(Clone, Debug)]
pub(crate) struct Authorise(pub(crate) SharedAccess);

/// An application whose requests pass it.
pub(crate) struct Authorised<S> {
    /// Shared with requests that wait before it runs.
    service: Rc<S>,
    access: SharedAccess,
}

impl<S> Transform<S, ServiceRequest> for Authorise
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Authorised<S>;
    type InitError = ();
    type Future = Ready<Result<Authorised<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Authorised { service: Rc::new(service), access: self.0.clone() }))
    }
}

impl<S> Service<ServiceRequest> for Authorised<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        Box::pin(authorise(request, Rc::clone(&self.service), self.access.current()))
    }
}
