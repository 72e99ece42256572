//! The [PROXY protocol], versions 1 and 2: what a proxy sends before the first byte of a connection that it passes on.
//!
//! Version 1 is one line, `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n`. Version 2 is a signature of twelve bytes, a
//! byte with version and command, a byte with the family, two bytes with the length of the rest, and the rest: addresses,
//! and further values that nothing here needs.
//!
//! [PROXY protocol]: https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The client of the connection; `None` if the proxy speaks for itself, as for a check of its own, or knows no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the client is.
    pub source: Option<SocketAddr>,
}

/// Why the first bytes of a connection are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// They begin like something else.
    #[error("the connection does not begin with a header of the PROXY protocol")]
    Missing,
    /// A line of version 1 is not as it has to be.
    #[error("the line of the PROXY protocol, version 1, is malformed")]
    Line,
    /// A version that does not exist, an unknown command or family, or a length that does not fit the family.
    #[error("the header of the PROXY protocol, version 2, is malformed")]
    Binary,
    /// It has more bytes than [`HEADER_BYTES_MAX`].
    #[error("the header of the PROXY protocol has more than {HEADER_BYTES_MAX} bytes")]
    TooLong,
}

impl Header {
    /// Reads the header at the front of `input`. Returns it and its length, or `None` when `input` ends too early: then every
    /// byte of it belongs to the header.
    ///
    /// # Errors
    ///
    /// There is none, and no further byte would make one of it.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, HeaderError> {
        if begins(input, SIGNATURE) {
            return binary(input);
        }
        if begins(input, LINE) {
            return line(input);
        }
        Err(HeaderError::Missing)
    }
}

/// Whether `input` begins with `expected`, as far as it has come.
fn begins(input: &[u8], expected: &[u8]) -> bool {
    input.iter().zip(expected).all(|(byte, expected)| byte == expected)
}

/// Version 1, [section 2.1].
///
/// [section 2.1]: https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
fn line(input: &[u8]) -> Result<Option<(Header, usize)>, HeaderError> {
    let window = input.get(..LINE_BYTES_MAX).unwrap_or(input);
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if input.len() < LINE_BYTES_MAX { Ok(None) } else { Err(HeaderError::Line) };
    };
    let text = window.get(LINE.len()..end).and_then(|text| std::str::from_utf8(text).ok());
    let source = source(text.ok_or(HeaderError::Line)?).ok_or(HeaderError::Line)?;
    Ok(Some((Header { source }, end + 2)))
}

/// The source that a line names, if it is as it has to be. After `UNKNOWN` anything may follow.
fn source(text: &str) -> Option<Option<SocketAddr>> {
    let mut fields = text.split(' ');
    let address: fn(&str) -> Option<IpAddr> = match fields.next()? {
        "UNKNOWN" => return Some(None),
        "TCP4" => |text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => |text| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => return None,
    };
    let (source, _destination) = (address(fields.next()?)?, address(fields.next()?)?);
    let (source_port, _destination_port) = (port(fields.next()?)?, port(fields.next()?)?);
    fields.next().is_none().then(|| Some(SocketAddr::new(source, source_port)))
}

/// Digits without a sign or a leading zero.
fn port(text: &str) -> Option<u16> {
    let is_canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_canonical)
}

/// Version 2, section 2.2 of the specification.
fn binary(input: &[u8]) -> Result<Option<(Header, usize)>, HeaderError> {
    let Some((first, rest)) = input.split_first_chunk::<HEAD_BYTES>() else { return Ok(None) };
    let [.., command, family, high, low] = *first;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if HEAD_BYTES + length > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong);
    }
    let is_proxied = match command {
        VERSION_AND_LOCAL => false,
        VERSION_AND_PROXY => true,
        _ => return Err(HeaderError::Binary),
    };
    let Some(rest) = rest.get(..length) else { return Ok(None) };
    let source = match (is_proxied, family >> 4, family & 0xF) {
        // Whatever follows is skipped.
        (false, _, _) => None,
        (true, UNSPECIFIED, UNSPECIFIED | STREAM | DATAGRAM)
        | (true, IPV4 | IPV6 | UNIX, UNSPECIFIED) => None,
        (true, IPV4, STREAM | DATAGRAM) => Some(ipv4(rest).ok_or(HeaderError::Binary)?),
        (true, IPV6, STREAM | DATAGRAM) => Some(ipv6(rest).ok_or(HeaderError::Binary)?),
        (true, UNIX, STREAM | DATAGRAM) if rest.len() >= UNIX_BYTES => None,
        _ => return Err(HeaderError::Binary),
    };
    Ok(Some((Header { source }, HEAD_BYTES + length)))
}

fn ipv4(rest: &[u8]) -> Option<SocketAddr> {
    let (addresses, _) = rest.split_first_chunk::<12>()?;
    let [a, b, c, d, _, _, _, _, high, low, ..] = *addresses;
    Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low])))
}

fn ipv6(rest: &[u8]) -> Option<SocketAddr> {
    let (addresses, ports) = rest.split_first_chunk::<32>()?;
    let (source, _) = addresses.split_first_chunk::<16>()?;
    let [high, low, _, _] = *ports.first_chunk::<4>()?;
    Some(SocketAddr::new(Ipv6Addr::from(*source).into(), u16::from_be_bytes([high, low])))
}

/// The longest header that is accepted. With IPv6 the addresses take 52 bytes; a certificate among the further values may
/// take some kilobytes.
pub const HEADER_BYTES_MAX: usize = 4_096;

const LINE: &[u8] = b"PROXY ";
/// With its end.
const LINE_BYTES_MAX: usize = 107;
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, the command, the family and the length.
const HEAD_BYTES: usize = 16;
const VERSION_AND_LOCAL: u8 = 0x20;
const VERSION_AND_PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0;
const IPV4: u8 = 1;
const IPV6: u8 = 2;
const UNIX: u8 = 3;
const STREAM: u8 = 1;
const DATAGRAM: u8 = 2;
const UNIX_BYTES: usize = 216;

#[cfg(test)]
mod tests {
    use super::*;

    /// The signature, spelled as the specification does.
    const SIG: &[u8] = b"\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A";

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIG, &[command, family], &length, rest].concat()
    }

    /// Headers, and the source of each.
    fn sound() -> Vec<(Vec<u8>, Option<&'static str>)> {
        let ipv4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 0x04, 0x01, 0xBB];
        let mut ipv6 = vec![0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        ipv6.extend([0xFE; 16]);
        ipv6.extend([0xDC, 0x04, 0x01, 0xBB]);
        let with_more = [&ipv4[..], &[4, 0, 1, 0]].concat();
        vec![
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".into(), Some("192.0.2.1:56324")),
            (b"PROXY TCP6 2001:db8::1 ::1 0 65535\r\n".into(), Some("[2001:db8::1]:0")),
            (b"PROXY UNKNOWN\r\n".into(), None),
            (b"PROXY UNKNOWN ffff:f...f:ffff 65535\r\n".into(), None),
            (v2(0x21, 0x11, &ipv4), Some("192.0.2.1:56324")),
            (v2(0x21, 0x11, &with_more), Some("192.0.2.1:56324")),
            (v2(0x21, 0x21, &ipv6), Some("[2001:db8::1]:56324")),
            (v2(0x21, 0x31, &[0; 216]), None),
            (v2(0x21, 0x00, &[]), None),
            (v2(0x20, 0x00, &[]), None),
            (v2(0x20, 0x11, &[1, 2]), None),
        ]
    }

    #[test]
    fn a_header_names_the_source_and_leaves_what_follows() {
        for (bytes, source) in sound() {
            let source = source.map(|text| text.parse().unwrap());
            let len = bytes.len();
            let expected = Ok(Some((Header { source }, len)));
            assert_eq!(Header::decode(&bytes), expected, "{}", bytes.escape_ascii());
            let followed = [&bytes[..], b"GET / HTTP/1.1\r\n\r\n"].concat();
            assert_eq!(Header::decode(&followed), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_header_cut_anywhere_asks_for_more() {
        for (bytes, _) in sound() {
            for end in 0..bytes.len() {
                assert_eq!(
                    Header::decode(&bytes[..end]),
                    Ok(None),
                    "{end} of {}",
                    bytes.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn what_is_no_header_is_refused_at_its_first_wrong_byte() {
        for bytes in
            [&b"GET / HTTP/1.1\r\n"[..], b"PROXX", b"P\r", b"\x16\x03\x01", b"\r\n\r\n\0\r\nQUIT\r"]
        {
            assert_eq!(
                Header::decode(bytes),
                Err(HeaderError::Missing),
                "{}",
                bytes.escape_ascii()
            );
        }
        for line in [
            "PROXY \r\n",
            "PROXY TCP4\r\n",
            "PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
            "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 ::1 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65536 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n",
            "proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
        ] {
            assert!(Header::decode(line.as_bytes()).is_err(), "{line}");
        }
        let long = format!("PROXY UNKNOWN {}", "x".repeat(93));
        assert_eq!(Header::decode(&long.as_bytes()[..106]), Ok(None));
        assert_eq!(Header::decode(long.as_bytes()), Err(HeaderError::Line));
        for bytes in [
            v2(0x11, 0x11, &[0; 12]),
            v2(0x22, 0x11, &[0; 12]),
            v2(0x21, 0x11, &[0; 11]),
            v2(0x21, 0x21, &[0; 35]),
            v2(0x21, 0x31, &[0; 215]),
            v2(0x21, 0x13, &[0; 12]),
            v2(0x21, 0x41, &[0; 12]),
        ] {
            assert_eq!(
                Header::decode(&bytes),
                Err(HeaderError::Binary),
                "{}",
                bytes.escape_ascii()
            );
        }
        assert!(Header::decode(&v2(0x20, 0, &[0; 4_080])).is_ok_and(|it| it.is_some()));
        assert_eq!(Header::decode(&v2(0x20, 0, &[0; 4_081])[..16]), Err(HeaderError::TooLong));
    }
}
