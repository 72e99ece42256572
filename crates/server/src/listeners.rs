//! The sockets on which connections arrive, one for each address.
//!
//! Apart because an address may be one of several that a name stands for, and because of IPv6, whose
//! "every interface" includes those of IPv4 unless a socket option says otherwise.

use crate::{
    config::{Listen, Opening},
    socket::Scheme,
};
use anyhow::{Context as _, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{SocketAddr, TcpListener},
};

/// A socket that listens, and what is spoken on it.
#[derive(Debug)]
pub(crate) struct BoundListener {
    pub(crate) scheme: Scheme,
    pub(crate) opening: Opening,
    pub(crate) socket: TcpListener,
}

/// Listens on every address, in their order.
///
/// An address that this machine does not have is passed over if another of the same name is there: a machine
/// without IPv6 may still say that `localhost` is `::1`.
///
/// # Errors
///
/// An address is taken, may not be listened on, or is not this machine's.
pub(crate) fn bind(listens: &[Listen]) -> Result<Vec<BoundListener>> {
    let mut listeners: Vec<(&Listen, TcpListener)> = Vec::new();
    let mut absent: Vec<(&Listen, io::Error)> = Vec::new();
    for listen in listens {
        match open(listen.address, families(listen, listens)) {
            Ok(listener) => listeners.push((listen, listener)),
            Err(error) if listen.name.is_some() && is_absent(&error) => {
                absent.push((listen, error));
            }
            Err(error) => return Err(error).with_context(|| format!("cannot listen on {listen}")),
        }
    }
    for (listen, error) in absent {
        if listeners.iter().all(|(other, _)| other.name != listen.name) {
            return Err(error).with_context(|| format!("cannot listen on {listen}"));
        }
        tracing::warn!(%listen, %error, "not listening on this address of the name");
    }
    let bound = |(listen, socket): (&Listen, _)| BoundListener {
        scheme: listen.scheme,
        opening: listen.opening,
        socket,
    };
    Ok(listeners.into_iter().map(bound).collect())
}

/// Which connections an IPv6 socket on every interface accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Families {
    Own,
    Both,
}

/// IPv4 is left to a listener of its own, if there is one at the same port.
fn families(listen: &Listen, listens: &[Listen]) -> Families {
    let takes_ipv4 =
        |other: &Listen| other.address.is_ipv4() && other.address.port() == listen.address.port();
    if listens.iter().any(takes_ipv4) { Families::Own } else { Families::Both }
}

fn open(address: SocketAddr, families: Families) -> io::Result<TcpListener> {
    let socket = prepare(address, families)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A socket that is not bound yet.
fn prepare(address: SocketAddr, families: Families) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that restarts takes its own address again.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() && families == Families::Own {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Whether the machine has no such address, or not its family.
fn is_absent(error: &io::Error) -> bool {
    let no_family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(no_family)
}

/// How many connections may wait to be accepted, as after a restart when all clients reconnect.
const BACKLOG: i32 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(address: &str, name: Option<&str>) -> Listen {
        let (address, name) = (address.parse().unwrap(), name.map(str::to_owned));
        Listen { scheme: Scheme::Http, opening: Opening::Direct, address, name }
    }

    fn refusal(listens: &[Listen]) -> String {
        format!("{:#}", bind(listens).unwrap_err())
    }

    #[test]
    fn each_address_has_its_listener() {
        let listeners = bind(&[listen("127.0.0.1:0", None), listen("127.0.0.2:0", None)]).unwrap();
        let addresses = listeners.iter().map(|listener| listener.socket.local_addr().unwrap());
        let ips = addresses.map(|address| address.ip().to_string());
        assert_eq!(ips.collect::<Vec<_>>(), ["127.0.0.1", "127.0.0.2"]);
    }

    #[test]
    fn ipv6_leaves_ipv4_to_a_listener_of_its_own() {
        let ipv6 = listen("[::1]:0", None);
        assert_eq!(families(&ipv6, &[listen("127.0.0.1:0", None)]), Families::Own);
        assert_eq!(families(&ipv6, &[listen("127.0.0.1:80", None)]), Families::Both);
        assert_eq!(families(&ipv6, std::slice::from_ref(&ipv6)), Families::Both);
        // A machine may be without IPv6.
        if let Ok(socket) = prepare(ipv6.address, Families::Own) {
            assert!(socket.only_v6().unwrap());
        }
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = holder.local_addr().unwrap();
        let error = refusal(&[listen("127.0.0.1:0", None), listen(&taken.to_string(), Some("a"))]);
        assert!(error.starts_with(&format!("cannot listen on {taken} (a): Address")), "{error}");
    }

    #[test]
    fn of_a_name_one_address_is_enough_but_one_has_to_be_there() {
        // 192.0.2.0/24 is nobody's (RFC 5737).
        let absent = listen("192.0.2.1:0", Some("a"));
        let listeners = bind(&[absent.clone(), listen("127.0.0.1:0", Some("a"))]).unwrap();
        assert_eq!(listeners.len(), 1);
        for others in [vec![], vec![listen("127.0.0.1:0", None)]] {
            let error = refusal(&[vec![absent.clone()], others].concat());
            assert!(error.starts_with("cannot listen on 192.0.2.1:0 (a): "), "{error}");
        }
        assert!(refusal(&[listen("192.0.2.1:0", None)]).starts_with("cannot listen on 192.0.2.1"));
    }
}
