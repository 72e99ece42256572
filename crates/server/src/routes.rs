//! Every path of the server. A path is known by all its methods, so that a wrong one is told.

mod channels;
mod console;
mod health;
pub(crate) mod origin;
mod publish;
mod subscribe;

use crate::{desk::Desk, problem::Refused};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, guard, http::header, web};
use std::rc::Rc;
use tidewire_protocol::ErrorCode;

pub(crate) type AtDesk = web::ThinData<Rc<Desk>>;

/// Adds all routes, for one worker's desk.
pub(crate) fn configure(config: &mut web::ServiceConfig, desk: &Rc<Desk>) {
    config.app_data(web::ThinData(Rc::clone(desk)));
    let upgrade = guard::fn_guard(|context| {
        let wants = context.head().headers().get(header::UPGRADE);
        wants.is_some_and(|wants| wants.as_bytes().eq_ignore_ascii_case(b"websocket"))
    });
    let subscribers = [
        ("/events", web::get().to(subscribe::events)),
        ("/ws", web::get().to(subscribe::socket)),
        ("/poll", web::get().to(subscribe::poll)),
        ("/stream", web::get().to(subscribe::stream)),
    ];
    for (path, route) in subscribers {
        config.service(reading(path, route));
    }
    config.service(
        reading("/", web::get().guard(upgrade).to(subscribe::socket))
            .route(web::get().to(console::page)),
    );
    config.service(writing("/publish", web::post().to(publish::batch)));
    config.service(writing("/publish/{channel}", web::post().to(publish::one)));
    config.service(reading("/channels", web::get().to(channels::list)));
    config.service(reading("/channels/{channel}/messages", web::get().to(channels::messages)));
    config.service(reading("/channels/{channel}/presence", web::get().to(channels::presence)));
    config.service(reading("/health/live", web::get().to(health::live)));
    config.service(reading("/health/ready", web::get().to(health::ready)));
    config.service(reading("/assets/{name}", web::get().to(console::asset)));
    config.service(reading("/favicon.ico", web::get().to(console::favicon)));
    config.default_service(web::to(nothing_here));
}

fn reading(path: &str, route: actix_web::Route) -> actix_web::Resource {
    web::resource(path).route(route).default_service(web::to(|request| otherwise(request, "GET")))
}

fn writing(path: &str, route: actix_web::Route) -> actix_web::Resource {
    web::resource(path).route(route).default_service(web::to(|request| otherwise(request, "POST")))
}

/// What a path answers to a method it does not take.
async fn otherwise(request: HttpRequest, allowed: &'static str) -> HttpResponse {
    if let Some(answer) = origin::preflight(&request, allowed) {
        return answer;
    }
    let message = format!("this path takes {allowed}");
    let mut response = Refused::new(ErrorCode::MethodNotAllowed, message).error_response();
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allowed));
    response
}

async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Refused> {
    let path = request.path();
    let message = format!(
        "{path} is nothing here; there are /events, /ws, /poll, /stream, /publish, /channels, \
         /health/live, /health/ready and /"
    );
    Err(Refused::new(ErrorCode::NotFound, message))
}

/// A JSON answer, which no cache keeps.
fn json_answer(body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("application/json")
        .body(body)
}
