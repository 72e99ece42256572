//! Any bytes as a header of the PROXY protocol, and as lines of `X-Forwarded-For` and `Forwarded`: an address counts only if
//! every proxy between it and the server is listed, whatever a client has written before.
//!
//! An input is which of these, choices, and then the text.

#![no_main]

#[expect(dead_code, reason = "nothing is cut into chunks here")]
mod choices;

use choices::Choices;
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tidewire_client_address::{
    ForwardingHeader, Network, TrustedProxies,
    proxy_protocol::{HEADER_BYTES_MAX, Header},
};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    match choices.byte() % 4 {
        0 => assert_header_is_read_as_it_comes(choices),
        1 => assert_header_is_read_as_it_was_written(choices),
        2 => assert_junk_before_a_proxys_entry_changes_nothing(choices),
        _ => assert_walk_is_that_of_the_model(choices),
    }
});

/// Whole or cut anywhere: the same header, and never a byte too many.
fn assert_header_is_read_as_it_comes(choices: Choices<'_>) {
    let wire = choices.wire();
    let whole = Header::decode(wire);
    let ends = (0..=wire.len()).find(|end| Header::decode(&wire[..*end]) != Ok(None));
    match whole {
        Ok(Some((_, len))) => {
            assert!(len <= HEADER_BYTES_MAX && len <= wire.len());
            assert_eq!(ends, Some(len), "it is whole with its last byte, and not before");
            assert_eq!(Header::decode(&wire[..len]), whole);
        }
        // Once it is malformed, no further byte mends it.
        Err(_) => {
            let cut = ends.unwrap();
            assert!((cut..=wire.len()).all(|end| Header::decode(&wire[..end]).is_err()));
        }
        Ok(None) => assert!(wire.len() < HEADER_BYTES_MAX),
    }
}

/// Any source, written in both versions, is read again; what follows is left.
fn assert_header_is_read_as_it_was_written(mut choices: Choices<'_>) {
    let port = u16::from_be_bytes([choices.byte(), choices.byte()]);
    let is_ipv4 = choices.byte().is_multiple_of(2);
    let octets: [u8; 16] = std::array::from_fn(|_| choices.byte());
    let ip = match is_ipv4 {
        true => IpAddr::V4(Ipv4Addr::from([octets[0], octets[1], octets[2], octets[3]])),
        false => IpAddr::from(octets),
    };
    let source = SocketAddr::new(ip, port);
    let rest = choices.wire();
    let (family, addresses) = match ip {
        IpAddr::V4(ip) => ("TCP4 ", [&ip.octets()[..], &[127, 0, 0, 1]].concat()),
        IpAddr::V6(ip) => ("TCP6 ", [ip.octets(), [0; 16]].concat()),
    };
    let to = if is_ipv4 { "127.0.0.1" } else { "::" };
    let line = format!("PROXY {family}{ip} {to} {port} 443\r\n").into_bytes();
    let more = &rest[..rest.len().min(HEADER_BYTES_MAX - 52 - 16)];
    let body = [&addresses[..], &port.to_be_bytes(), &[1, 187], more].concat();
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    let code = if is_ipv4 { 0x11 } else { 0x21 };
    let binary = [b"\r\n\r\n\0\r\nQUIT\n\x21", &[code][..], &length, &body].concat();
    for header in [line, binary] {
        let read = Header::decode(&[&header[..], rest].concat());
        assert_eq!(read, Ok(Some((Header { source: Some(source) }, header.len()))), "{source}");
    }
}

/// What a client has sent, in the same line or in one of its own, does not reach into what a listed proxy appends.
fn assert_junk_before_a_proxys_entry_changes_nothing(mut choices: Choices<'_>) {
    let (is_other_line, is_quoted) =
        (choices.byte().is_multiple_of(2), choices.byte().is_multiple_of(2));
    let junk = choices.wire();
    for header in HEADERS {
        let entry = match (header, is_quoted) {
            (ForwardingHeader::XForwardedFor, _) => "192.0.2.1",
            (ForwardingHeader::Forwarded, false) => "by=10.0.0.1;for=192.0.2.1",
            (ForwardingHeader::Forwarded, true) => "host=\"a,\\\"b\";for=\"192.0.2.1:80\"",
        };
        let joined = [junk, b", ", entry.as_bytes()].concat();
        let lines = match is_other_line {
            true => vec![junk, entry.as_bytes()],
            // A line that is no text is refused whole, and then the proxy itself is the client.
            false if std::str::from_utf8(junk).is_err() => return,
            false => vec![&joined[..]],
        };
        let client = proxies().client(PROXY, header, lines.into_iter());
        assert_eq!(client.ip(), IpAddr::from([192, 0, 2, 1]), "{}", junk.escape_ascii());
    }
}

/// Entries and their lines, walked by somebody who sees who wrote each.
fn assert_walk_is_that_of_the_model(mut choices: Choices<'_>) {
    let count = usize::from(choices.byte() % 8);
    let peer =
        if choices.byte().is_multiple_of(4) { IpAddr::from([192, 0, 2, 200]) } else { PROXY };
    let entries: Vec<(Option<IpAddr>, bool)> = (0..count)
        .map(|_| {
            let (kind, number, ends_line) = (choices.byte() % 4, choices.byte(), choices.byte());
            let address = match kind {
                0 => None,
                1 => Some(IpAddr::from([10, 0, 0, number])),
                2 => Some(IpAddr::from([192, 0, 2, number])),
                _ => Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)])),
            };
            (address, ends_line.is_multiple_of(3))
        })
        .collect();
    let mut model = peer;
    for (address, _) in entries.iter().rev() {
        match address {
            Some(address) if is_listed(model) => model = *address,
            _ => break,
        }
    }
    for header in HEADERS {
        let mut lines = vec![String::new()];
        for (address, ends_line) in &entries {
            let line = lines.last_mut().unwrap();
            if !line.is_empty() {
                line.push(',');
            }
            *line += &spell(*address, header);
            if *ends_line {
                lines.push(String::new());
            }
        }
        lines.retain(|line| !line.is_empty());
        let bytes = lines.iter().map(|line| line.as_bytes());
        assert_eq!(proxies().client(peer, header, bytes).ip(), model, "{lines:?}");
    }
}

fn spell(address: Option<IpAddr>, header: ForwardingHeader) -> String {
    match (header, address) {
        (ForwardingHeader::XForwardedFor, None) => "unknown".to_owned(),
        (ForwardingHeader::XForwardedFor, Some(address)) => address.to_string(),
        (ForwardingHeader::Forwarded, None) => "for=_hidden".to_owned(),
        (ForwardingHeader::Forwarded, Some(IpAddr::V4(address))) => {
            format!("proto=http;for={address}")
        }
        (ForwardingHeader::Forwarded, Some(IpAddr::V6(address))) => {
            format!("For=\"[{address}]:80\"")
        }
    }
}

/// Not by the crate's own networks.
fn is_listed(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.octets()[0] == 10)
}

fn proxies() -> TrustedProxies {
    [NETWORK.parse::<Network>().unwrap()].into_iter().collect()
}

const HEADERS: [ForwardingHeader; 2] =
    [ForwardingHeader::XForwardedFor, ForwardingHeader::Forwarded];
const NETWORK: &str = "10.0.0.0/8";
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
