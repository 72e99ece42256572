//! The baseline: what one writes with actix-ws in an evening, a list of sessions and a loop.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use actix_ws::{Message, MessageStream, Session};
use anyhow::Result;
use futures_util::StreamExt as _;
use std::{cell::RefCell, net::TcpListener, rc::Rc};

type Room = Rc<RefCell<Vec<Session>>>;

/// Sends every text that anybody at `/ws` sends to everybody at `/ws`, on one thread, until ended.
///
/// # Errors
///
/// The listener cannot be used.
pub fn serve_actix_ws(listener: TcpListener) -> Result<()> {
    let server = HttpServer::new(|| {
        let room = web::ThinData(Room::default());
        App::new().app_data(room).route("/ws", web::get().to(join))
    });
    rt::System::new().block_on(server.workers(1).listen(listener)?.run())?;
    Ok(())
}

async fn join(
    request: HttpRequest,
    body: web::Payload,
    room: web::ThinData<Room>,
) -> actix_web::Result<HttpResponse> {
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    room.borrow_mut().push(session);
    rt::spawn(broadcast(Rc::clone(&room), messages));
    Ok(response)
}

async fn broadcast(room: Room, mut messages: MessageStream) {
    while let Some(Ok(message)) = messages.next().await {
        let Message::Text(text) = message else { continue };
        let sessions = room.borrow().clone();
        for mut session in sessions {
            // Who has left is passed over: this serves one measurement, whose readers stay.
            let _left = session.text(text.clone()).await;
        }
    }
}
