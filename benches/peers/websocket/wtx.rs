//! wtx: its WebSocket over a stream of ours, lending each payload out of its buffer.
//!
//! With the features that it recommends for speed (`optimization`), and room for a message before it comes.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use crate::pipe::Pipe;
use futures_util::FutureExt as _;
use wtx::collection::Vector;
use wtx::rng::Xorshift64;
use wtx::stream::{StreamReader, StreamWriter};
use wtx::web_socket::{WebSocketBuffer, WebSocketOwned, WebSocketPayloadOrigin};

pub(crate) struct Decode {
    input: Input,
    pipe: Pipe,
    socket: WebSocketOwned<(), Xorshift64, Pipe, false>,
    /// Where it joins fragments, of which there are none.
    joined: Vector<u8>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        let pipe = Pipe::default();
        let room = ROOM_BYTES_MIN.max(2 * input.wire.len() / input.messages);
        let buffer = WebSocketBuffer::with_capacity(room, room, room).unwrap();
        let socket = WebSocketOwned::new((), false, Xorshift64::from(7_u64), pipe.clone(), buffer);
        Self { input, pipe, socket, joined: Vector::new() }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.pipe.fill(self.input);
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            for _ in 0..self.input.messages {
                self.joined.clear();
                let origin = WebSocketPayloadOrigin::Adaptive;
                let frame = self.socket.read_frame(&mut self.joined, origin).await.unwrap();
                observer.receive(frame.payload());
            }
        };
        all_received.now_or_never().unwrap();
    }
}

impl StreamReader for Pipe {
    async fn read(&mut self, bytes: &mut [u8]) -> wtx::Result<usize> {
        Ok(std::io::Read::read(self, bytes).unwrap())
    }
}

impl StreamWriter for Pipe {
    async fn write_all(&mut self, bytes: &[u8]) -> wtx::Result<()> {
        std::io::Write::write_all(self, bytes).unwrap();
        Ok(())
    }

    async fn write_all_vectored(&mut self, slices: &[&[u8]]) -> wtx::Result<()> {
        for bytes in slices {
            std::io::Write::write_all(self, bytes).unwrap();
        }
        Ok(())
    }
}

/// As much as the other peers have.
const ROOM_BYTES_MIN: usize = 64 << 10;
