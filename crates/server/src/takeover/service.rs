//! Serves an actix application over sockets that can be taken, as `HttpServer` does over plain ones.

use super::socket::Takeable;
use actix_http::body::MessageBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Request, Response};
use actix_server::ServerBuilder;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory,
    map_config,
};
use actix_web::Error;
use actix_web::dev::AppConfig;
use futures_util::FutureExt as _;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How long a connection may keep actix waiting; zero is for ever.
///
/// None of these touch a taken connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpTimeouts {
    /// For a connection's first request head, answered with 408 when exceeded.
    pub request_head: Duration,
    /// Between a response and the next request; zero closes after each response.
    pub keep_alive: Duration,
    /// Between one byte of an answer and the next: a request, its body and its handler included.
    pub answer: Duration,
    /// For the rest of a request body nobody wants, and for the close itself.
    pub disconnect: Duration,
}

impl Default for HttpTimeouts {
    /// As actix-web has them, 5 s, 5 s and 1 s, and a minute and a half for an answer.
    fn default() -> Self {
        Self {
            request_head: Duration::from_secs(5),
            keep_alive: Duration::from_secs(5),
            answer: Duration::from_secs(90),
            disconnect: Duration::from_secs(1),
        }
    }
}

/// Adds an HTTP/1 listener to a server, on which handlers can use [`Handoff`](super::Handoff).
///
/// `app` is called once on each worker, on its own thread, so what it makes need not be `Send`
/// and is that worker's alone. With several listeners it is called once for each of them. `HttpRequest::app_config` knows only actix's default host and
/// address. `TCP_NODELAY` is set on every socket.
///
/// # Errors
///
/// The listener has no local address or cannot be made non-blocking.
///
/// ```
/// use actix_server::Server;
/// use actix_web::{App, HttpResponse, web};
/// use std::net::TcpListener;
/// use std::rc::Rc;
/// use tidewire::takeover::{HttpTimeouts, listen};
///
/// # #[actix_web::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let builder = Server::build().workers(2).disable_signals();
/// let server = listen(builder, listener, HttpTimeouts::default(), || {
///     let lane = Rc::new("this worker's own");
///     App::new().app_data(lane).route("/", web::get().to(HttpResponse::NoContent))
/// })?
/// .run();
/// let handle = server.handle();
/// # actix_web::rt::spawn(async move { handle.stop(true).await });
/// server.await
/// # }
/// ```
pub fn listen<F, I, A, B>(
    builder: ServerBuilder,
    listener: TcpListener,
    timeouts: HttpTimeouts,
    app: F,
) -> io::Result<ServerBuilder>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<A, Request>,
    A: ServiceFactory<Request, Config = AppConfig> + 'static,
    A::Error: Into<Error> + 'static,
    A::InitError: fmt::Debug,
    A::Response: Into<Response<B>> + 'static,
    B: MessageBody + 'static,
{
    let stopping = builder.graceful_shutdown_signal();
    builder.listen("http", listener, move || {
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .client_request_timeout(timeouts.request_head)
            .keep_alive(timeouts.keep_alive)
            .client_disconnect_timeout(timeouts.disconnect)
            .on_connect_ext(|socket: &Takeable<TcpStream>, data| {
                data.insert(socket.link());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        apply_fn_factory(http, move |stream: TcpStream, http| {
            // Refused only by a socket that is already dead, which reading will tell.
            let _ = stream.set_nodelay(true);
            let peer = stream.peer_addr().ok();
            serve(http, stream, peer, timeouts.answer)
        })
    })
}

/// Drives a connection to its end; a taken socket is delivered when the dispatcher and its
/// buffers are gone, so that what lives on is allocated in their place.
pub(super) fn serve<S, H>(
    http: &H,
    stream: S,
    peer: Option<SocketAddr>,
    answer_max: Duration,
) -> impl Future<Output = Result<(), DispatchError>> + use<S, H>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Service<(Takeable<S>, Option<SocketAddr>), Response = (), Error = DispatchError>,
{
    let (socket, link) = Takeable::new(stream, answer_max);
    http.call((socket, peer)).map(move |ended| if link.deliver() { Ok(()) } else { ended })
}
