//! What a proxy can do wrong: a name for programs, and what a client notices of it.

/// A fault between the client and the server. The names are stable: they are in the output for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fault {
    Unreachable,
    Redirect,
    NotTidewire,
    HostRewritten,
    HostRefused,
    OriginRefused,
    OriginStripped,
    Http10,
    AuthorizationStripped,
    CookieStripped,
    LastEventIdStripped,
    Cache,
    BodyLimit,
    UpgradeLost,
    Buffering,
    Compression,
    CacheControlStripped,
    IdleTimeout,
}

impl Fault {
    /// Every fault, in the order in which they are reported.
    pub(super) const ALL: [Self; 18] = [
        Self::Unreachable,
        Self::Redirect,
        Self::NotTidewire,
        Self::HostRewritten,
        Self::HostRefused,
        Self::OriginRefused,
        Self::OriginStripped,
        Self::Http10,
        Self::AuthorizationStripped,
        Self::CookieStripped,
        Self::LastEventIdStripped,
        Self::Cache,
        Self::BodyLimit,
        Self::UpgradeLost,
        Self::Buffering,
        Self::Compression,
        Self::CacheControlStripped,
        Self::IdleTimeout,
    ];

    /// Its name for programs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Redirect => "redirect",
            Self::NotTidewire => "not_tidewire",
            Self::HostRewritten => "host_rewritten",
            Self::HostRefused => "host_refused",
            Self::OriginRefused => "origin_refused",
            Self::OriginStripped => "origin_stripped",
            Self::Http10 => "http_1_0",
            Self::AuthorizationStripped => "authorization_stripped",
            Self::CookieStripped => "cookie_stripped",
            Self::LastEventIdStripped => "last_event_id_stripped",
            Self::Cache => "cache",
            Self::BodyLimit => "body_limit",
            Self::UpgradeLost => "upgrade_lost",
            Self::Buffering => "buffering",
            Self::Compression => "compression",
            Self::CacheControlStripped => "cache_control_stripped",
            Self::IdleTimeout => "idle_timeout",
        }
    }

    /// What a client notices of it.
    pub(super) const fn consequence(self) -> &'static str {
        match self {
            Self::Unreachable => "no client reaches the server",
            Self::Redirect => "WebSockets and publishes do not follow a redirect",
            Self::NotTidewire => "requests reach something else than a Tidewire server",
            Self::HostRewritten => {
                "the server takes its own pages for those of another site, and refuses them"
            }
            Self::HostRefused => "every request by this host is refused",
            Self::OriginRefused => "pages of this address can neither publish nor open a WebSocket",
            Self::OriginStripped => "the server takes pages of other sites for programs",
            Self::Http10 => {
                "each request takes a new connection to the server, and there are no WebSockets"
            }
            Self::AuthorizationStripped => {
                "a client cannot send its token in the header Authorization"
            }
            Self::CookieStripped => "a page cannot send its token in a cookie",
            Self::LastEventIdStripped => {
                "an EventSource that reconnects misses what was published meanwhile"
            }
            Self::Cache => "clients get old answers",
            Self::BodyLimit => {
                "large messages and batches are refused before they reach the server"
            }
            Self::UpgradeLost => "there are no WebSockets; clients fall back to SSE",
            Self::Buffering => "messages arrive late, or together, or never",
            Self::Compression => "messages wait in the compressor until it has collected enough",
            Self::CacheControlStripped => {
                "other proxies, and browsers, may store or change a stream"
            }
            Self::IdleTimeout => {
                "quiet connections are cut, and every client reconnects again and again"
            }
        }
    }

    /// Its place in that order.
    pub(super) fn rank(self) -> usize {
        Self::ALL.iter().position(|other| *other == self).unwrap_or(Self::ALL.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_used_once() {
        let mut names = Fault::ALL.map(Fault::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Fault::ALL.len());
    }
}
