//! A decoder as slow and plain as can be: the whole wire at hand, every payload copied.

use ws_frame::{Limits, ProtocolError, Role};

use crate::feed::{Outcome, Received};

/// What the wire says.
pub(crate) fn receive(role: Role, limits: Limits, wire: &[u8]) -> Outcome {
    let mut received = Vec::new();
    let error = converse(role, limits, wire, &mut received).err();
    (received, error)
}

fn converse(
    role: Role,
    limits: Limits,
    wire: &[u8],
    received: &mut Vec<Received>,
) -> Result<(), ProtocolError> {
    let mut at = 0;
    // Whether the open message is a text, what there is of it, and its frames.
    let mut open: Option<(bool, Vec<u8>, u32)> = None;
    while at < wire.len() {
        if matches!(received.last(), Some(Received::Close(_))) {
            return Err(ProtocolError::AfterClose);
        }
        let Some((first, len, key, head)) = header(role, &wire[at..])? else { return Ok(()) };
        at += head;
        let arrived = wire[at..].len().min(usize::try_from(len).unwrap_or(usize::MAX));
        let payload: Vec<u8> = (0..arrived).map(|i| wire[at + i] ^ key[i % 4]).collect();
        let complete = arrived as u64 == len;
        at += arrived;

        let opcode = first & 0x0F;
        if opcode >= 8 {
            if complete {
                received.push(control(opcode, payload)?);
            }
            continue;
        }
        let (text, mut message, frames) = match (opcode, open.take()) {
            (0, None) => return Err(ProtocolError::ContinuationWithoutStart),
            (0, Some(open)) => open,
            (_, None) => (opcode == 1, vec![], 0),
            (_, Some(_)) => return Err(ProtocolError::MessageInsideMessage),
        };
        if message.len() as u64 + len > limits.message_bytes_max {
            return Err(ProtocolError::MessageTooLong);
        }
        if frames == limits.fragments_max.max(1) {
            return Err(ProtocolError::TooManyFragments);
        }
        message.extend(payload);
        let ends = complete && first >= 0x80;
        if text && let Err(error) = str::from_utf8(&message) {
            // Unfinished is fine, unless this is the end.
            if ends || error.error_len().is_some() {
                return Err(ProtocolError::TextNotUtf8);
            }
        }
        match (ends, text) {
            (false, _) => open = Some((text, message, frames + 1)),
            (true, true) => received.push(Received::Text(String::from_utf8_lossy(&message).into())),
            (true, false) => received.push(Received::Binary(message)),
        }
    }
    Ok(())
}

type Head = (u8, u64, [u8; 4], usize);

/// First byte, length, mask key, and where the payload begins.
fn header(role: Role, wire: &[u8]) -> Result<Option<Head>, ProtocolError> {
    let first = wire[0];
    if first & 0x70 != 0 {
        return Err(ProtocolError::ReservedBits);
    }
    if ![0, 1, 2, 8, 9, 10].contains(&(first & 0x0F)) {
        return Err(ProtocolError::UnknownOpcode(first & 0x0F));
    }
    if first & 0x88 == 0x08 {
        return Err(ProtocolError::ControlFragmented);
    }
    if wire.len() < 2 {
        return Ok(None);
    }
    if role == Role::Server && wire[1] < 0x80 {
        return Err(ProtocolError::Unmasked);
    }
    if role == Role::Client && wire[1] >= 0x80 {
        return Err(ProtocolError::Masked);
    }
    let short = wire[1] & 0x7F;
    if first & 0x08 != 0 && short > 125 {
        return Err(ProtocolError::ControlTooLong);
    }

    let (width, least) = match short {
        126 => (2, 126),
        127 => (8, 65_536),
        _ => (0, 0),
    };
    if wire.len() < 2 + width {
        return Ok(None);
    }
    let wide = wire[2..2 + width].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    let len = if width == 0 { u64::from(short) } else { wide };
    if len > u64::MAX / 2 {
        return Err(ProtocolError::LengthTooLarge);
    }
    if len < least {
        return Err(ProtocolError::LengthNotMinimal);
    }

    if role == Role::Client {
        return Ok(Some((first, len, [0; 4], 2 + width)));
    }
    if wire.len() < 2 + width + 4 {
        return Ok(None);
    }
    let key = std::array::from_fn(|i| wire[2 + width + i]);
    Ok(Some((first, len, key, 2 + width + 4)))
}

fn control(opcode: u8, payload: Vec<u8>) -> Result<Received, ProtocolError> {
    if opcode == 9 {
        return Ok(Received::Ping(payload));
    }
    if opcode == 10 {
        return Ok(Received::Pong(payload));
    }
    if payload.is_empty() {
        return Ok(Received::Close(None));
    }
    if payload.len() == 1 {
        return Err(ProtocolError::ClosePayloadOneByte);
    }
    let code = u16::from(payload[0]) * 256 + u16::from(payload[1]);
    let legal = (1000..3000).contains(&code) && code <= 1014 && ![1004, 1005, 1006].contains(&code);
    if !legal && !(3000..5000).contains(&code) {
        return Err(ProtocolError::IllegalCloseCode(code));
    }
    match String::from_utf8(payload[2..].to_vec()) {
        Ok(reason) => Ok(Received::Close(Some((code, reason)))),
        Err(_) => Err(ProtocolError::CloseReasonNotUtf8),
    }
}
