//! Which line of a proxy's configuration to change for a fault. `docs/proxies` has whole configurations.

use super::fault::Fault;

/// The proxies for which `docs/proxies` has a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Proxy {
    Nginx,
    Haproxy,
    Caddy,
    Traefik,
    Envoy,
}

impl Proxy {
    const ALL: [Self; 5] = [Self::Nginx, Self::Haproxy, Self::Caddy, Self::Traefik, Self::Envoy];

    /// The proxy that the headers `Server` or `Via` of an answer name. HAProxy and Traefik name themselves in none.
    pub(super) fn recognise(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let known = [
            ("nginx", Self::Nginx),
            ("openresty", Self::Nginx),
            ("caddy", Self::Caddy),
            ("envoy", Self::Envoy),
            ("traefik", Self::Traefik),
            ("haproxy", Self::Haproxy),
        ];
        known.into_iter().find(|(name, _)| text.contains(name)).map(|(_, proxy)| proxy)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Caddy => "Caddy",
            Self::Traefik => "Traefik",
            Self::Envoy => "Envoy",
        }
    }
}

/// What to change: for `proxy`, or for all of them if it is not known; or in the server's configuration.
pub(super) fn lines(
    fault: Fault,
    proxy: Option<Proxy>,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_proxies =
        Proxy::ALL.into_iter().filter(move |other| proxy.is_none_or(|proxy| proxy == *other));
    let of_proxies = of_proxies.filter_map(move |proxy| Some((proxy.name(), line(fault, proxy)?)));
    of_proxies.chain(elsewhere(fault))
}

/// The line for a proxy; `None` if the proxy is not known to have that fault.
#[rustfmt::skip]
const fn line(fault: Fault, proxy: Proxy) -> Option<&'static str> {
    use Proxy::{Caddy, Envoy, Haproxy, Nginx, Traefik};
    Some(match (fault, proxy) {
        (Fault::HostRewritten, Nginx) => "proxy_set_header Host $http_host;",
        (Fault::HostRewritten, Haproxy) => "remove `http-request set-header Host …`",
        (Fault::HostRewritten, Caddy) => "remove `header_up Host …` from reverse_proxy",
        (Fault::HostRewritten, Traefik) => "passHostHeader: true in the service's loadBalancer",
        (Fault::HostRewritten, Envoy) => "remove `host_rewrite_literal` and `auto_host_rewrite` from the route",
        (Fault::OriginStripped, Nginx) => "remove `proxy_set_header Origin …;`",
        (Fault::OriginStripped, Haproxy) => "remove `http-request del-header Origin`",
        (Fault::OriginStripped, Caddy) => "remove `header_up -Origin`",
        (Fault::OriginStripped, Traefik) => "remove Origin from customRequestHeaders of the middleware",
        (Fault::OriginStripped, Envoy) => "remove origin from request_headers_to_remove",
        (Fault::Http10, Nginx) => "proxy_http_version 1.1;",
        (Fault::Http10, Haproxy) => "remove `option http-server-close` and `option httpclose`; HAProxy asks by HTTP/1.1",
        (Fault::Http10, Envoy) => "remove accept_http_10 from http_protocol_options",
        (Fault::AuthorizationStripped, Nginx) => "remove `proxy_set_header Authorization …;`",
        (Fault::AuthorizationStripped, Haproxy) => "remove `http-request del-header Authorization`",
        (Fault::AuthorizationStripped, Caddy) => "remove `header_up -Authorization`",
        (Fault::AuthorizationStripped, Traefik) => "removeHeader: false in the middleware basicAuth, or leave that out",
        (Fault::AuthorizationStripped, Envoy) => "forward: true in the provider of jwt_authn",
        (Fault::CookieStripped, Nginx) => "remove `proxy_set_header Cookie …;`",
        (Fault::CookieStripped, Haproxy) => "remove `http-request del-header Cookie`",
        (Fault::CookieStripped, Caddy) => "remove `header_up -Cookie`",
        (Fault::CookieStripped, Traefik) => "remove Cookie from customRequestHeaders of the middleware",
        (Fault::CookieStripped, Envoy) => "remove cookie from request_headers_to_remove",
        (Fault::LastEventIdStripped, Nginx) => "remove `proxy_set_header Last-Event-ID …;` and `proxy_pass_request_headers off;`",
        (Fault::LastEventIdStripped, Haproxy) => "remove `http-request del-header Last-Event-ID`",
        (Fault::LastEventIdStripped, Caddy) => "remove `header_up -Last-Event-ID`",
        (Fault::LastEventIdStripped, Traefik) => "remove Last-Event-ID from customRequestHeaders of the middleware",
        (Fault::LastEventIdStripped, Envoy) => "remove last-event-id from request_headers_to_remove",
        (Fault::Cache, Nginx) => "proxy_cache off; and remove `proxy_ignore_headers Cache-Control;`",
        (Fault::Cache, Haproxy) => "remove `http-request cache-use` and `http-response cache-store`",
        (Fault::Cache, Caddy) => "remove the directive `cache`",
        (Fault::Cache, Traefik) => "remove the plugin that caches from the router's middlewares",
        (Fault::Cache, Envoy) => "remove envoy.filters.http.cache",
        (Fault::BodyLimit, Nginx) => "client_max_body_size 8m;",
        (Fault::BodyLimit, Haproxy) => "remove the rule that denies by req.body_size, or raise it to 8388608",
        (Fault::BodyLimit, Caddy) => "request_body { max_size 8MB }",
        (Fault::BodyLimit, Traefik) => "maxRequestBodyBytes: 8388608 in the middleware buffering",
        (Fault::BodyLimit, Envoy) => "max_request_bytes: 8388608 in envoy.filters.http.buffer, or leave that out",
        (Fault::UpgradeLost, Nginx) => "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;",
        (Fault::UpgradeLost, Haproxy) => "mode http, without `http-request del-header Upgrade`",
        (Fault::UpgradeLost, Caddy) => "reverse_proxy, without `header_up -Upgrade` and `header_up -Connection`",
        (Fault::UpgradeLost, Traefik) => "remove Upgrade and Connection from customRequestHeaders of the middleware",
        (Fault::UpgradeLost, Envoy) => "upgrade_configs: [{upgrade_type: websocket}]",
        (Fault::Buffering, Nginx) => "proxy_buffering off;",
        (Fault::Buffering, Haproxy) => "remove `option http-buffer-request` and response filters",
        (Fault::Buffering, Caddy) => "flush_interval -1 in reverse_proxy",
        (Fault::Buffering, Traefik) => "remove the middleware buffering from the router",
        (Fault::Buffering, Envoy) => "remove the filters that buffer answers, such as envoy.filters.http.buffer and file_system_buffer",
        (Fault::Compression, Nginx) => "gzip off; in the location of the server",
        (Fault::Compression, Haproxy) => "remove text/event-stream and application/x-ndjson from `compression type`",
        (Fault::Compression, Caddy) => "remove text/event-stream and application/x-ndjson from `encode`",
        (Fault::Compression, Traefik) => "excludedContentTypes: [text/event-stream, application/x-ndjson] in the middleware compress",
        (Fault::Compression, Envoy) => "remove text/event-stream and application/x-ndjson from content_type of the compressor",
        (Fault::CacheControlStripped, Nginx) => "remove `proxy_hide_header Cache-Control;`, `expires …;` and `add_header Cache-Control …;`",
        (Fault::CacheControlStripped, Haproxy) => "remove `http-response set-header Cache-Control …`",
        (Fault::CacheControlStripped, Caddy) => "remove `header Cache-Control …`",
        (Fault::CacheControlStripped, Traefik) => "remove Cache-Control from customResponseHeaders of the middleware",
        (Fault::CacheControlStripped, Envoy) => "remove cache-control from response_headers_to_add and response_headers_to_remove",
        (Fault::IdleTimeout, Nginx) => "proxy_read_timeout 75s;",
        (Fault::IdleTimeout, Haproxy) => "timeout client 75s, timeout server 75s, timeout tunnel 75s",
        (Fault::IdleTimeout, Caddy) => "remove `read_timeout` and `write_timeout` from the transport",
        (Fault::IdleTimeout, Traefik) => "respondingTimeouts: {readTimeout: 0s, writeTimeout: 0s, idleTimeout: 180s} of the entry point",
        (Fault::IdleTimeout, Envoy) => "route: {timeout: 0s, idle_timeout: 75s} and stream_idle_timeout: 75s",
        _ => return None,
    })
}

/// What to change that is not in a proxy.
fn elsewhere(fault: Fault) -> Option<(&'static str, &'static str)> {
    Some(match fault {
        Fault::Unreachable => {
            ("the URL", "check the address, the certificate, and that the server runs")
        }
        Fault::Redirect => ("the URL", "give clients the address to which the answer leads"),
        Fault::NotTidewire => ("the proxy", "pass every path on to the server, /health/ too"),
        Fault::HostRefused => ("the server", "add the host to allowed_hosts (--allowed-hosts)"),
        Fault::OriginRefused => {
            ("the server", "add the origin to allowed_origins (--allowed-origins)")
        }
        Fault::IdleTimeout => ("the server", "or a shorter heartbeat (--heartbeat)"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_something_to_change() {
        for fault in Fault::ALL {
            assert!(lines(fault, None).count() > 0, "{}", fault.name());
        }
    }

    #[test]
    fn a_proxy_that_is_known_gets_only_its_own_lines() {
        let known: Vec<_> = lines(Fault::UpgradeLost, Proxy::recognise("nginx/1.22.1")).collect();
        assert!(matches!(known[..], [("nginx", line)] if line.contains("Upgrade $http_upgrade")));
        assert_eq!(lines(Fault::UpgradeLost, None).count(), 5);
        assert_eq!(Proxy::recognise("1.1 Caddy"), Some(Proxy::Caddy));
        assert_eq!(Proxy::recognise("Apache"), None);
    }
}
