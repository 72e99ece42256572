//! One TLS session without I/O: records in, plaintext out, and the reverse.
//!
//! rustls's connection is driven by its interface without buffers, as every buffer in it would be held by each idle
//! client: what is to be kept between two calls is for the stream to keep, and to count.

use rustls::{
    Error, ServerConfig,
    server::UnbufferedServerConnection,
    unbuffered::{ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus},
};
use std::{fmt, sync::Arc};

/// The server's side of a session.
pub(super) struct Session(UnbufferedServerConnection);

/// What came of a call of [`Session::take_in`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TakenIn {
    /// Bytes of the input that are used up. What follows is the beginning of a record.
    pub(super) used: usize,
    /// The client sends nothing more.
    pub(super) has_ended: bool,
}

/// Why nothing can be sent.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum SealError {
    #[error(transparent)]
    Tls(#[from] Error),
    /// The handshake goes on, or both sides have ended the session.
    #[error("the TLS session is not open")]
    NotOpen,
    /// There is no room for a record, or its keys have served for as many records as they may.
    #[error("a TLS record cannot be made: {0}")]
    Record(String),
}

impl Session {
    /// Begins with the handshake.
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        UnbufferedServerConnection::new(config).map(Self)
    }

    /// Whether the handshake has not ended.
    pub(super) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// What the two sides have agreed to speak (ALPN).
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        self.0.alpn_protocol()
    }

    /// Takes in records. Their plaintext goes to `received`, and what the session itself has to say to `outgoing`.
    ///
    /// # Errors
    ///
    /// The client has broken the protocol, and an alert that says so is in `outgoing`.
    pub(super) fn take_in(
        &mut self,
        input: &mut [u8],
        mut received: impl FnMut(&[u8]),
        outgoing: &mut Vec<u8>,
    ) -> Result<TakenIn, Error> {
        let mut taken = TakenIn::default();
        loop {
            let rest = input.get_mut(taken.used..).unwrap_or_default();
            let UnbufferedStatus { discard, state, .. } = self.0.process_tls_records(rest);
            let mut used = discard;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        used += record.discard;
                        received(record.payload);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(record)) => append(record, outgoing),
                Ok(ConnectionState::TransmitTlsData(transmit)) => transmit.done(),
                Ok(ConnectionState::PeerClosed) => taken.has_ended = true,
                Ok(ConnectionState::Closed) => {
                    return Ok(TakenIn { used: taken.used + used, has_ended: true });
                }
                // Data before the handshake has ended is not offered, so none of it is taken.
                Ok(_) => return Ok(TakenIn { used: taken.used + used, ..taken }),
                Err(error) => {
                    self.drain(outgoing);
                    return Err(error);
                }
            }
            taken.used += used;
        }
    }

    /// Makes one record of `plaintext`, at most [`PLAINTEXT_BYTES_MAX`], in `records`, which has room for
    /// [`RECORD_BYTES_MAX`]. Returns how many bytes were written there.
    ///
    /// # Errors
    ///
    /// The session is not open.
    pub(super) fn seal(
        &mut self,
        plaintext: &[u8],
        records: &mut [u8],
    ) -> Result<usize, SealError> {
        self.when_open(records, |traffic, room| traffic.encrypt(plaintext, room))
    }

    /// The same with word that nothing more will be sent.
    pub(super) fn seal_end(&mut self, records: &mut [u8]) -> Result<usize, SealError> {
        self.when_open(records, |traffic, room| traffic.queue_close_notify(room))
    }

    fn when_open(
        &mut self,
        records: &mut [u8],
        write: impl FnOnce(&mut WriteTraffic<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<usize, SealError> {
        let mut written = 0;
        loop {
            let room = records.get_mut(written..).unwrap_or_default();
            match self.0.process_tls_records(&mut []).state? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    return Ok(written + write(&mut traffic, room).map_err(record_error)?);
                }
                ConnectionState::EncodeTlsData(mut record) => {
                    written += record.encode(room).map_err(record_error)?;
                }
                ConnectionState::TransmitTlsData(transmit) => transmit.done(),
                // `take_in` has reported it; the other direction may go on.
                ConnectionState::PeerClosed => {}
                _ => return Err(SealError::NotOpen),
            }
        }
    }

    /// Adds the alert that follows an error.
    fn drain(&mut self, outgoing: &mut Vec<u8>) {
        loop {
            match self.0.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(record)) => append(record, outgoing),
                Ok(ConnectionState::TransmitTlsData(transmit)) => transmit.done(),
                _ => return,
            }
        }
    }
}

type WriteTraffic<'c> = rustls::unbuffered::WriteTraffic<'c, rustls::server::ServerConnectionData>;

/// Adds a record of the handshake, or an alert.
fn append(
    mut record: EncodeTlsData<'_, rustls::server::ServerConnectionData>,
    outgoing: &mut Vec<u8>,
) {
    let start = outgoing.len();
    // It says how much room it needs.
    if let Err(EncodeError::InsufficientSize(size)) = record.encode(&mut []) {
        outgoing.resize(start + size.required_size, 0);
        let written = record.encode(outgoing.get_mut(start..).unwrap_or_default());
        outgoing.truncate(start + written.unwrap_or(0));
    }
}

fn record_error(error: impl fmt::Display) -> SealError {
    SealError::Record(error.to_string())
}

/// The plaintext of one record ([RFC 8446 §5.1]).
///
/// [RFC 8446 §5.1]: https://www.rfc-editor.org/rfc/rfc8446#section-5.1
pub(super) const PLAINTEXT_BYTES_MAX: usize = 16 << 10;

/// A record of that, and what may have to go before it: a change of keys.
pub(super) const RECORD_BYTES_MAX: usize = PLAINTEXT_BYTES_MAX + 512;
