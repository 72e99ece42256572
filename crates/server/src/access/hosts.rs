//! The setting `allowed_hosts`: the names by which this server is asked for, beside this machine's.
//!
//! A page of another site can have its own name resolve to an address of this machine, and is then
//! of the same origin as this server (DNS rebinding). It cannot choose the name that its browser sends.

use super::{
    host::{Host, HostName},
    list,
};
use serde::{Deserialize, Deserializer};
use std::str::FromStr;

/// Hosts, without ports: `push.example.com`, `*.example.com`, or `*` for every one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Any,
    Exact(HostName),
    Below(Box<str>),
}

impl AllowedHosts {
    /// Whether it names none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it names this host, at whatever port.
    pub(super) fn name(&self, host: &Host) -> bool {
        self.0.contains(&Rule::Any) || self.list(host)
    }

    /// The same without `*`, which names the hosts of others too.
    pub(super) fn list(&self, host: &Host) -> bool {
        self.0.iter().any(|rule| match rule {
            Rule::Any => false,
            Rule::Exact(name) => *name == host.name,
            Rule::Below(suffix) => host.name.is_below(suffix),
        })
    }
}

impl FromStr for AllowedHosts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = list::split(text).map_err(|error| format!("{text:?}: {error}"))?;
        entries.into_iter().map(Rule::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for AllowedHosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::deserialize(deserializer, HOSTS)
    }
}

impl Rule {
    fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("{text:?} {why}; allowed are {HOSTS}");
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.contains("://") || text.contains('/') {
            return Err(refuse("is an origin or a URL"));
        }
        if let Some(suffix) = text.strip_prefix("*.") {
            return match HostName::parse(suffix) {
                Some(HostName::Domain(suffix)) => Ok(Self::Below(suffix)),
                _ => Err(refuse("has no name after *.")),
            };
        }
        // Bare, an address of IPv6 cannot be taken for anything else.
        let bracketed = format!("[{text}]");
        match Host::parse(text).or_else(|| Host::parse(&bracketed)) {
            Some(Host { name, port: None }) if !text.ends_with(':') => Ok(Self::Exact(name)),
            Some(_) => Err(refuse("has a port, and hosts are allowed at every port")),
            None => Err(refuse("is not a host")),
        }
    }
}

const HOSTS: &str = "hosts without a port, such as push.example.com, *.example.com or 10.0.0.5, or * for every host";

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(setting: &str, host: &str) -> bool {
        setting.parse::<AllowedHosts>().unwrap().name(&Host::parse(host).unwrap())
    }

    #[test]
    fn a_host_is_allowed_by_its_name_at_every_port() {
        let setting = "Push.Example.com., *.example.org,10.0.0.5,::2";
        for host in [
            "push.example.com:8443",
            "PUSH.example.com",
            "a.b.example.org",
            "10.0.0.5:80",
            "[::2]:1",
        ] {
            assert!(allows(setting, host), "{host}");
        }
        for host in ["example.com", "a.push.example.com", "example.org", "10.0.0.6", "[::3]"] {
            assert!(!allows(setting, host), "{host}");
        }
        assert!(allows("*", "evil.example"));
        assert_eq!("".parse(), Ok(AllowedHosts::default()));
    }

    #[test]
    fn what_is_no_host_is_named_with_what_is_allowed() {
        for (text, part) in [
            ("a.example,,b.example", "an entry is empty"),
            (",", "an entry is empty"),
            ("https://push.example.com", "\"https://push.example.com\" is an origin or a URL"),
            ("push.example.com/", "is an origin or a URL"),
            ("push.example.com:8443", "has a port"),
            ("push.example.com:", "has a port"),
            ("*.", "has no name after *."),
            ("*.10.0.0.5", "has no name after *."),
            ("a.*.example", "is not a host"),
            ("a b", "\"a b\" is not a host; allowed are hosts without a port"),
        ] {
            let error = text.parse::<AllowedHosts>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
