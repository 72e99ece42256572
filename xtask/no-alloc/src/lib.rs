//! A WebSocket on a microcontroller, in a program that has no allocator: what `cargo xtask no-std` builds.
//!
//! It has a panic handler and no allocator. Were one needed anywhere below, the build would fail: "no
//! global memory allocator found". The streams are those of `embedded-io-async`, such as embassy's
//! `TcpSocket`.

#![no_std]

use core::panic::PanicInfo;
use embedded_io_async::{ErrorType, Read, Write};
use ws_frame::{Close, Decoder, Encoder, Event, Limits, Masks, OutputFull, Role, SliceOutput};

/// Answers what a server sends until it closes, in 256 bytes for what is read and 256 for what is written.
///
/// A message that is longer than the buffer, or comes in several frames, is refused.
///
/// # Errors
///
/// The stream fails, or the server sends what this client does not take.
pub async fn echo<S: Read + Write>(
    stream: &mut S,
    masks: impl Masks,
) -> Result<(), Failure<<S as ErrorType>::Error>> {
    let (mut decoder, mut encoder) = (Decoder::new(Role::Client), Encoder::client(masks));
    let (mut buffer, mut filled) = ([0; BUFFER_BYTES], 0);
    loop {
        let received = stream.read(&mut buffer[filled..]).await.map_err(Failure::Stream)?;
        if received == 0 {
            return Ok(());
        }
        filled += received;
        let mut input = &mut buffer[..filled];
        let mut is_closed = false;
        while !is_closed {
            let mut room = [0; BUFFER_BYTES];
            let mut output = SliceOutput::new(&mut room);
            match decoder.decode(&mut input, &LIMITS) {
                Ok(None) => break,
                Ok(Some(Event::Text(text))) => encoder.text(text, &mut output),
                Ok(Some(Event::Binary(bytes))) => encoder.binary(bytes, &mut output),
                Ok(Some(Event::Ping(payload))) => encoder.pong(payload, &mut output)?,
                Ok(Some(Event::Pong(_))) => continue,
                Ok(Some(Event::Close(close))) => {
                    encoder.close(close, &mut output)?;
                    is_closed = true;
                }
                Ok(Some(Event::Piece(_))) => return Err(Failure::Message),
                Err(error) => {
                    let close = Close { code: error.close_code(), reason: "" };
                    encoder.close(Some(close), &mut output)?;
                    is_closed = true;
                }
            }
            stream.write_all(output.finish()?).await.map_err(Failure::Stream)?;
        }
        if is_closed {
            return Ok(());
        }
        let unfinished = filled - input.len()..filled;
        filled = unfinished.len();
        buffer.copy_within(unfinished, 0);
    }
}

/// Why an echo ended.
pub enum Failure<E> {
    /// The stream failed.
    Stream(E),
    /// The server's message comes in pieces, or its echo does not fit into the buffer.
    Message,
}

impl<E> From<OutputFull> for Failure<E> {
    fn from(_: OutputFull) -> Self {
        Self::Message
    }
}

impl<E> From<ws_frame::EncodeError> for Failure<E> {
    fn from(_: ws_frame::EncodeError) -> Self {
        Self::Message
    }
}

/// Polls an echo once, on a stream that is memory: so that all of it is compiled.
pub fn run(wire: &mut [u8]) -> bool {
    let mut stream = Memory(wire);
    let echo = core::pin::pin!(echo(&mut stream, || [1, 2, 3, 4]));
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    matches!(echo.poll(&mut context), core::task::Poll::Ready(Ok(())))
}

/// Gives its bytes once, and takes any.
struct Memory<'a>(&'a mut [u8]);

impl ErrorType for Memory<'_> {
    type Error = core::convert::Infallible;
}

impl Read for Memory<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let len = buffer.len().min(self.0.len());
        let given = self.0.split_off_mut(..len).unwrap_or_default();
        buffer[..len].copy_from_slice(given);
        Ok(len)
    }
}

impl Write for Memory<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {}
}

const BUFFER_BYTES: usize = 256;

/// Messages that fit into the buffer with their header, and come whole.
const LIMITS: Limits = Limits::new().message_bytes_max(240).whole_bytes_max(240);
