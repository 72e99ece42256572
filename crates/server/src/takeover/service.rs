//! Serves an actix application over sockets that can be taken, as `HttpServer` does over plain ones.

use super::accepting::Accepting;
use super::close::close_after_answer;
use super::early::{EarlyAnswers, Expect, Refuse};
use super::handshake::{Arrived, Handshaking};
use super::http2::{self, Http2Options};
use super::proxied::Remote;
use super::socket::{ConnectionOptions, HandoffStream, Link};
use super::target::RequestBody;
use super::timeouts::HttpTimeouts;
use crate::in_flight::InFlight;
use crate::request_turns::RequestTurns;
use crate::socket::{ClientSocket, HoldServer};
use actix_http::body::{BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use actix_http::{ConnectionType, HttpMessage as _, HttpService, KeepAlive, Request, Response};
use actix_server::ServerBuilder;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, apply_fn, fn_factory,
    fn_service,
};
use actix_web::Error;
use actix_web::dev::AppConfig;
use bytes::Bytes;
use futures_util::future::{Either, LocalBoxFuture};
use futures_util::{FutureExt as _, TryFutureExt as _};
use rustls::ServerConfig;
use std::any::Any;
use std::fmt;
use std::future::{Future, pending, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tidewire_client_address::TrustedProxies;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// A listening socket, and what is spoken on it.
pub struct Listener {
    /// Where connections arrive.
    pub socket: TcpListener,
    /// With it every connection begins with a TLS handshake; without it HTTP is plain.
    pub tls: Option<Arc<ServerConfig>>,
    /// With it every connection comes from one of these, and begins with a header of the PROXY protocol, also before TLS.
    /// Which they are may change.
    pub proxies: Option<watch::Receiver<TrustedProxies>>,
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Self { socket, tls: None, proxies: None }
    }
}

/// How the end of a server begins, and what it waits for.
pub trait Leaving: Clone + Send + 'static {
    /// Over once connections are to end.
    fn begun(&self) -> LocalBoxFuture<'static, ()>;

    /// Makes what keeps the server from ending, until it is dropped, for bytes that are on their way to a client.
    fn hold_server(&self) -> Box<dyn Any>;
}

/// A server that waits for nothing.
impl<F, L> Leaving for F
where
    F: Fn() -> L + Clone + Send + 'static,
    L: Future<Output = ()> + 'static,
{
    fn begun(&self) -> LocalBoxFuture<'static, ()> {
        self().boxed_local()
    }

    fn hold_server(&self) -> Box<dyn Any> {
        Box::new(())
    }
}

/// Adds a listener for HTTP/1.1, and over TLS for HTTP/2, to a server, on which handlers can use
/// [`Handoff`](super::Handoff).
///
/// What requests and answers hold in memory is counted on `accounts`. `early` answers where no handler does. `app` is called once on each worker, on its own thread, so what it makes need not be `Send`
/// and is that worker's alone: the turns that its connections get, and the application. With several listeners it is called once for each of them.
/// `HttpRequest::app_config` knows only actix's default host and address. `TCP_NODELAY` is set on every socket.
///
/// Once `leaving` has begun, connections that wait for a request end at once, and the others
/// after their answer, long before a graceful stop would end them.
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
/// use tidewire::in_flight::InFlight;
/// use tidewire::request_turns::RequestTurns;
/// use tidewire::takeover::{HttpTimeouts, listen};
///
/// # #[actix_web::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let builder = Server::build().workers(2).disable_signals();
/// let leaving = std::future::pending::<()>;
/// let accounts = InFlight::new(64 << 20, 64 << 20);
/// let server = listen(builder, listener, HttpTimeouts::default(), accounts, leaving, (), || {
///     let lane = Rc::new("this worker's own");
///     let app = App::new().app_data(lane).route("/", web::get().to(HttpResponse::NoContent));
///     (RequestTurns::unlimited(), app)
/// })?
/// .run();
/// let handle = server.handle();
/// # actix_web::rt::spawn(async move { handle.stop(true).await });
/// server.await
/// # }
/// ```
pub fn listen<E, F, I, A, B, L>(
    builder: ServerBuilder,
    listener: impl Into<Listener>,
    timeouts: HttpTimeouts,
    accounts: InFlight,
    leaving: L,
    early: E,
    app: F,
) -> io::Result<ServerBuilder>
where
    E: EarlyAnswers,
    F: Fn() -> (RequestTurns, I) + Send + Clone + 'static,
    I: IntoServiceFactory<A, Request>,
    A: ServiceFactory<Request, Config = AppConfig> + 'static,
    A::Error: Into<Error> + 'static,
    A::InitError: fmt::Debug,
    A::Response: Into<Response<B>> + 'static,
    B: MessageBody + 'static,
    L: Leaving,
{
    let stopping = builder.graceful_shutdown_signal();
    let Listener { socket, tls, proxies } = listener.into();
    builder.listen("http", socket, move || {
        let (turns, app) = app();
        let app = Rc::new(app.into_factory().map_err(|error| error.into().error_response()));
        let (asked, said) = (early.clone(), early.clone());
        let refuse: Refuse = Rc::new(move |status| said.refusal(status));
        let expect: Expect = Rc::new(move |request| asked.expect(request));
        let (accounts, turns_of_each) = (accounts.clone(), turns.clone());
        let options = ConnectionOptions { timeouts, accounts, refuse, turns: turns_of_each };
        let held = leaving.clone();
        let hold_server: HoldServer = Rc::new(move || held.hold_server());
        let (stopping, leaving) = (stopping.clone(), leaving.clone());
        let leaving = move || {
            let (stopping, leaving) = (stopping.clone(), leaving.begun());
            async move {
                tokio::select! {
                    () = leaving => {}
                    () = stopping.notified() => {}
                }
            }
        };
        let http = fn_factory(move || {
            let app = app.new_service(AppConfig::default());
            let (options, leaving) = (options.clone(), leaving.clone());
            let (expect, hold_server) = (Rc::clone(&expect), Rc::clone(&hold_server));
            async move {
                let app = Rc::new(app.await.map_err(drop)?);
                let http1 = http1(Rc::clone(&app), timeouts, Rc::clone(&expect), leaving.clone());
                let http1 = Rc::new(http1.new_service(()).await?);
                let http2 = Http2Options::new(app, options.clone(), expect, hold_server);
                Ok(fn_service(move |(socket, remote): Arrived| match socket.speaks_http2() {
                    false => Either::Left(serve(&*http1, socket, remote, options.clone())),
                    true => {
                        let served = http2::serve(socket, remote, http2.clone(), leaving());
                        Either::Right(served.map_err(DispatchError::Io))
                    }
                }))
            }
        });
        let handshaking = Handshaking::new(tls.clone(), proxies.clone(), timeouts, turns.clone());
        let accept = fn_service(move |tcp: TcpStream| handshaking.accept(tcp));
        Accepting::new(accept.and_then(http), turns)
    })
}

/// HTTP/1.1, as actix speaks it.
fn http1<A, B, L>(
    app: Rc<A>,
    timeouts: HttpTimeouts,
    expect: Expect,
    leaving: impl Fn() -> L + 'static,
) -> impl ServiceFactory<
    (HandoffStream<ClientSocket>, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
>
where
    A: Service<Request> + 'static,
    A::Error: Into<Response<BoxBody>> + fmt::Debug + 'static,
    A::Response: Into<Response<B>> + 'static,
    B: MessageBody + 'static,
    L: Future<Output = ()> + 'static,
{
    let app = fn_factory(move || {
        let app = apply_fn(Rc::clone(&app), move |request, app: &_| {
            in_turn::<ClientSocket, _>(request, app, timeouts.disconnect)
        });
        ready(Ok::<_, ()>(app))
    });
    HttpService::build()
        .graceful_shutdown_signal(leaving)
        // Ours are kept by the socket, whose clock does not stop with actix's.
        .client_request_timeout(Duration::ZERO)
        .keep_alive(if timeouts.keep_alive.is_zero() { KeepAlive::Disabled } else { KeepAlive::Os })
        .client_disconnect_timeout(timeouts.disconnect)
        .expect(fn_service(move |request: Request| ready(expect(&request).map(|()| request))))
        .on_connect_ext(|socket: &HandoffStream<ClientSocket>, data| socket.describe(data))
        .h1(app)
}

/// Serves a request, unless it comes behind one that was to be the connection's last.
pub(super) fn in_turn<S, A>(
    request: Request,
    app: &A,
    disconnect: Duration,
) -> impl Future<Output = Result<A::Response, A::Error>> + use<S, A>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    A: Service<Request>,
{
    let is_last = request.head().connection_type() == ConnectionType::Close;
    match request.conn_data::<Link<S>>() {
        Some(link) if !link.begin(is_last, body_of(&request)) => {
            // The socket is taken with the flush of the answers before, and this never answered.
            link.hold();
            link.arm(Box::new(close_after_answer(disconnect)), Bytes::new());
            Either::Right(pending())
        }
        link => {
            let link = link.cloned();
            Either::Left(app.call(request).inspect(move |_| {
                if let Some(link) = &link {
                    link.answered();
                }
            }))
        }
    }
}

/// What follows the head of a request, as actix reads it.
fn body_of(request: &Request) -> RequestBody {
    let headers = request.headers();
    let value = |name: &_| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if headers.contains_key(TRANSFER_ENCODING) {
        return RequestBody::Chunked;
    }
    if value(&UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return RequestBody::Upgraded;
    }
    RequestBody::Sized(value(&CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0))
}

/// Drives a connection to its end; a taken socket is delivered when the dispatcher and its
/// buffers are gone, so that what lives on is allocated in their place.
pub(super) fn serve<S, H>(
    http: &H,
    stream: S,
    remote: Remote,
    options: ConnectionOptions,
) -> impl Future<Output = Result<(), DispatchError>> + use<S, H>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Service<(HandoffStream<S>, Option<SocketAddr>), Response = (), Error = DispatchError>,
{
    let (mut socket, link) = HandoffStream::new(stream, options);
    socket.header = remote.header;
    http.call((socket, remote.address))
        .map(move |ended| if link.deliver() { Ok(()) } else { ended })
}
