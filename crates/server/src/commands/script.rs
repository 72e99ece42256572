//! A server from a script, for the tests of the commands that read.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Gives these answers, one a connection, and notes in `asked` the first line of each request.
pub(super) async fn serve(listener: &TcpListener, answers: &[String], asked: &mut Vec<String>) {
    for answer in answers {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(socket.read_u8().await.unwrap());
        }
        let request = String::from_utf8(request).unwrap();
        asked.push(request.lines().next().unwrap().to_owned());
        socket.write_all(answer.as_bytes()).await.unwrap();
    }
}
