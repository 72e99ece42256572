//! Every path of the server: its methods, the query parameters it takes, its handler.
//!
//! [`path()`] adds one. What holds for all of them is there, so that no new path can forget it.

mod asked_by_body;
mod batch;
mod channels;
mod connections;
mod console;
mod data;
mod description;
pub(crate) mod early;
mod encoding;
mod handshake;
mod health;
mod metrics;
mod publish;
mod reload;
mod sharing;
mod subscribe;
mod surface;
mod tickets;

pub(crate) use surface::Surface;

use crate::{
    access::{self, Caller, Identity, Who},
    accounts::Publisher,
    admission::ConnectionPermit,
    connection_kind::ConnectionKind,
    interface::{self, Endpoint},
    limits::{Client, Exceeded},
    problem::ProblemResponse,
    query::Query,
    socket::ClientSocket,
    worker_context::WorkerContext,
    worker_loop::WorkerLoop,
};
use actix_web::{
    Error, HttpRequest, HttpResponse, Route,
    dev::{HttpServiceFactory, Service, ServiceRequest, ServiceResponse},
    guard,
    http::{Method, header},
    web,
};
use bytes::Bytes;
use encoding::Coding;
use futures_util::{TryFutureExt as _, future::Either};
use std::{future::ready, rc::Rc, sync::Arc};
use tidewire_broker::IdAccount;
use tidewire_protocol::ErrorCode;

pub(crate) type WorkerData = web::ThinData<Rc<WorkerContext>>;

/// For what becomes a connection of the worker's loop.
pub(crate) type ConnectionsData = web::ThinData<Rc<WorkerLoop<ClientSocket>>>;

/// Admits one more connection, or long-poll, of the sender of this request.
fn admit(
    request: &HttpRequest,
    identity: &Identity,
    kind: ConnectionKind,
    worker_context: &WorkerContext,
) -> Result<ConnectionPermit, ProblemResponse> {
    let admission = &worker_context.admission;
    let share = admission.limits().share(kind, || client(request, identity))?;
    Ok(admission.admit(kind)?.of(share))
}

/// The sender of a request, by what limits count it.
fn client(request: &HttpRequest, identity: &Identity) -> Client {
    Client::new(request.peer_addr(), access::client_address(request), identity.named())
}

/// Counts one message that the sender of this request publishes.
fn count_publish(
    request: &HttpRequest,
    identity: &Identity,
    worker_context: &WorkerContext,
) -> Result<(), Exceeded> {
    let limits = worker_context.admission.limits();
    match limits.has_publish_rates() {
        true => limits.publish(&client(request, identity)),
        false => Ok(()),
    }
}

/// The account of the ids that the sender of this request has the server remember.
fn account(
    request: &HttpRequest,
    identity: &Identity,
    worker_context: &WorkerContext,
) -> Option<IdAccount> {
    let publisher = match identity.who() {
        Who::Token { subject: Some(subject) } => Publisher::Subject(Arc::clone(subject)),
        Who::Key { id } => Publisher::Key(Arc::clone(id)),
        Who::Token { subject: None } | Who::Anonymous => {
            Publisher::at(access::client_address(request)?)
        }
    };
    Some(worker_context.http.accounts.of(publisher))
}

/// Adds the routes of a listener, for one worker.
pub(crate) fn configure(
    config: &mut web::ServiceConfig,
    connections: &Rc<WorkerLoop<ClientSocket>>,
    surface: Surface,
) {
    config.app_data(web::ThinData(Rc::clone(connections)));
    config.app_data(web::ThinData(Rc::clone(connections.worker_context())));
    let upgrade = guard::fn_guard(|context| handshake::wants_upgrade(context.head().headers()));
    let socket = get().guard(upgrade).to(subscribe::socket);
    let events = [get().to(subscribe::events), asking().to(asked_by_body::events)];
    let stream = [get().to(subscribe::stream), asking().to(asked_by_body::stream)];
    let poll = [get().to(subscribe::poll), asking().to(asked_by_body::poll)];
    config
        .service(path(&interface::EVENTS, events))
        .service(path(&interface::WS, [get().to(subscribe::socket)]))
        .service(path(&interface::POLL, poll))
        .service(path(&interface::STREAM, stream))
        .service(path(&interface::PUBLISH, [web::post().to(batch::batch)]))
        .service(path(&interface::PUBLISH_ONE, [web::post().to(publish::one)]))
        .service(path(&interface::CHANNELS, [get().to(channels::list)]));
    let messages = [get().to(channels::messages)];
    let presence = [get().to(channels::presence)];
    config
        .service(path(&interface::MESSAGES, messages))
        .service(path(&interface::PRESENCE, presence))
        .service(path(&interface::TICKETS, [web::post().to(tickets::issue)]))
        .service(path(&interface::RENEWAL, [web::post().to(tickets::renew)]))
        .service(path(&interface::LIVE, [get().to(health::live)]))
        .service(path(&interface::REQUEST, [get().to(health::request)]))
        .service(path(&interface::READY, [get().to(health::ready)]))
        .service(path(&interface::VERSION, [get().to(metrics::version)]))
        .service(path(&interface::OPENAPI, [get().to(description::openapi)]))
        .service(path(&interface::ASYNCAPI, [get().to(description::asyncapi)]))
        .service(path(&interface::FAVICON, [get().to(console::favicon)]))
        .default_service(web::to(move |request| nothing_here(request, surface)));
    match surface {
        Surface::Everything => for_operators(config, socket),
        Surface::Public => without_operators(config, socket),
    }
}

/// Adds what is for operators. All of it but the console, which shows what its token allows, asks for an `AdminPermit`.
fn for_operators(config: &mut web::ServiceConfig, socket: Route) {
    config
        .service(path(&interface::ROOT, [socket, get().to(console::page)]))
        .service(path(&interface::ASSET, [get().to(console::asset)]))
        .service(path(&interface::BACKUP, [web::post().to(data::backup)]))
        .service(path(&interface::RELOAD, [web::post().to(reload::reload)]))
        .service(path(&interface::CONNECTIONS, [get().to(connections::list)]))
        .service(path(&interface::DISCONNECT, [web::delete().to(connections::disconnect)]))
        .service(path(&interface::REACH, [get().to(connections::reach)]))
        .service(path(&interface::METRICS, [get().to(metrics::metrics)]));
}

/// Leaves these paths without an answer, but for what others have there.
fn without_operators(config: &mut web::ServiceConfig, socket: Route) {
    config
        .service(path(&interface::ROOT, [socket, get().to(surface::elsewhere)]))
        .service(path(&interface::ASSET, [get().to(console::library)]))
        .route("/data/backup", web::to(surface::elsewhere))
        .route("/config/reload", web::to(surface::elsewhere))
        .route("/connections", web::to(surface::elsewhere))
        .route("/connections/{id}", web::to(surface::elsewhere))
        .route("/messages/{position}/reach", web::to(surface::elsewhere))
        .route("/metrics", web::to(surface::elsewhere));
}

/// A path of the table with the handlers of its methods.
fn path<const N: usize>(
    endpoint: &'static Endpoint,
    routes: [Route; N],
) -> impl HttpServiceFactory + use<N> {
    // A file may be in a folder.
    let pattern = endpoint.path.replace("{name}", "{name:.+}");
    routes
        .into_iter()
        .fold(web::resource(pattern), |resource, route| resource.route(route))
        .default_service(web::to(move |request, caller| otherwise(request, caller, endpoint)))
        .wrap_fn(move |request, service| checked(request, service, endpoint.parameters))
}

/// What says in its body what it asks for: `POST`, or `QUERY` ([RFC 10008]), which is safe to repeat.
///
/// [RFC 10008]: https://www.rfc-editor.org/rfc/rfc10008
fn asking() -> Route {
    web::route().guard(guard::fn_guard(|context| {
        matches!(context.head().method.as_str(), "POST" | asked_by_body::QUERY)
    }))
}

/// To `HEAD` actix sends the head of the answer and not its body.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Runs the handler of a request if its head is valid.
fn checked<S>(
    request: ServiceRequest,
    service: &S,
    parameters: &'static [&'static str],
) -> impl Future<Output = Result<ServiceResponse, Error>> + use<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
{
    let sound = match *request.method() {
        // It asks about the path. A preflight has the query of the request that follows it.
        Method::OPTIONS => Ok(()),
        _ => handshake::check_method(&request).and_then(|()| Query::keep(&request, parameters)),
    };
    match sound {
        Ok(()) => {
            let coding = Coding::of(&request);
            Either::Left(service.call(request).map_ok(move |answer| coding.encode(answer)))
        }
        Err(refused) => Either::Right(ready(Ok(request.error_response(refused)))),
    }
}

/// What a path answers to a method that no route of it takes.
async fn otherwise(
    request: HttpRequest,
    caller: Caller,
    endpoint: &Endpoint,
) -> Result<HttpResponse, ProblemResponse> {
    let allowed = &*endpoint.allowed();
    if let Some(answer) = access::preflight(&request, &caller, allowed) {
        return answer;
    }
    let mut response = match *request.method() {
        Method::OPTIONS => HttpResponse::NoContent().finish(),
        _ => {
            let message = format!("this path takes {allowed}");
            // With its cause, by which refusals are counted.
            HttpResponse::from_error(ProblemResponse::new(ErrorCode::MethodNotAllowed, message))
        }
    };
    if let Ok(allowed) = header::HeaderValue::from_str(allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    Ok(response)
}

async fn nothing_here(
    request: HttpRequest,
    surface: Surface,
) -> Result<HttpResponse, ProblemResponse> {
    let path = request.path();
    if path == SERVER && request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, ALL)).finish());
    }
    let message = format!("no route for {path}; available routes: {}", surface.available());
    Err(ProblemResponse::new(ErrorCode::NotFound, message))
}

/// The target of a request about the server as a whole ([RFC 9112 §3.2.4]).
///
/// [RFC 9112 §3.2.4]: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.4
const SERVER: &str = "*";
const ALL: &str = "GET, HEAD, POST, QUERY, OPTIONS";

/// Refuses an answer of the size of a page, before it is made, where no room is left for what clients do not take.
fn check_room(worker_context: &WorkerContext) -> Result<(), ProblemResponse> {
    Ok(worker_context.http.in_flight.output.check(worker_context.limits().gather_bytes_max)?)
}

/// A JSON answer, which no cache keeps.
fn json_answer(body: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("application/json")
        .body(body.into())
}
