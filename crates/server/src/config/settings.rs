//! One layer of configuration: every key, given or not.

use super::change::Change;
use super::{
    Algorithms, AllowedHosts, AllowedOrigins, Anonymous, Bytes, CookieName, Count, Endpoint, Fsync,
    HeaderName, Monitoring, ProxyNetworks, Secret, Span, Texts, TokensInQuery, listen,
};
use crate::limits::RateLimit;
use crate::logging::{AccessLog, LogFormat, LogLevel};
use clap::Args;
use serde::Deserialize;
use std::path::PathBuf;
use tidewire_broker::{self as broker, Pattern, Rule};
use tidewire_connection as connection;

macro_rules! settings {
    ($($(#[$attribute:meta])* $name:ident: $type:ty,)*) => {
        /// What one source says; a key it does not give is left to the sources below it.
        #[allow(
            rustdoc::bare_urls,
            rustdoc::broken_intra_doc_links,
            reason = "the docs of its fields are the texts of `--help`, where markup would show"
        )]
        #[derive(Args, Clone, Debug, Default, Deserialize, PartialEq, Eq)]
        #[serde(deny_unknown_fields)]
        pub struct Settings {
            $($(#[$attribute])* pub $name: Option<$type>,)*
        }

        impl Settings {
            /// These settings, with those that `later` gives in their place.
            pub(super) fn overlaid_by(self, later: Self) -> Self {
                Self { $($name: later.$name.or(self.$name),)* }
            }

            /// These settings, but all that are not among `free` as `start` has them.
            pub(super) fn pinned_to(self, start: &Self, free: &[&str]) -> Self {
                let is_free = |key| free.contains(&key);
                Self {
                    $($name: match is_free(stringify!($name)) {
                        true => self.$name,
                        false => start.$name.clone(),
                    },)*
                }
            }

            /// The keys of which `next` says something else.
            pub(super) fn changes_to(&self, next: &Self) -> impl Iterator<Item = Change> + use<> {
                let changes = [$(
                    Change::of(stringify!($name), self.$name.as_ref(), next.$name.as_ref())
                ),*];
                changes.into_iter().flatten()
            }

            /// The keys that it gives.
            pub(super) fn given(&self) -> impl Iterator<Item = &'static str> + use<> {
                let keys = [$((stringify!($name), self.$name.is_some())),*];
                keys.into_iter().filter_map(|(key, is_given)| is_given.then_some(key))
            }

            /// Every key, as the file and, in capitals, the environment spell it.
            pub(super) const KEYS: &'static [&'static str] = &[$(stringify!($name)),*];
        }
    };
}

settings! {
    /// A TOML file with settings; in it, - is written _
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// Addresses to listen on, repeated or with commas for several: 8080, localhost:8080, [::1]:8080;
    /// a port alone is on this machine, port 0 takes a free one; after proxy+http:// or proxy+https://, proxies
    /// begin each connection with the PROXY protocol [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    #[serde(default, deserialize_with = "listen::read")]
    listen: Vec<Endpoint>,

    /// Addresses for operators, written like --listen: the console, connections, metrics and backups are there, and not on
    /// the other addresses [default: none; all is on the addresses of --listen]
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    #[serde(default, deserialize_with = "listen::read")]
    admin_listen: Vec<Endpoint>,

    /// Let requests without a token do everything; in the file also a table [anonymous] with what they may do
    /// [default: false; without keys for tokens, on this machine only, true]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    anonymous: Anonymous,

    /// Hosts to answer to, besides localhost, 127.0.0.1 and [::1]: push.example.com, *.example.com, or
    /// * for every host [default: none; with --anonymous beyond this machine, every host]
    #[arg(long, value_name = "HOSTS")]
    allowed_hosts: AllowedHosts,

    /// Origins whose pages may publish, subscribe and read: https://app.example.com,
    /// https://*.example.com, or * for every origin [default: those of this machine]
    #[arg(long, value_name = "ORIGINS")]
    allowed_origins: AllowedOrigins,

    /// Addresses and networks of proxies whose word on a client's address counts: 127.0.0.1, 10.0.0.0/8, fd00::/8
    /// [default: none]
    #[arg(long, value_name = "NETWORKS")]
    trusted_proxies: ProxyNetworks,

    /// The header in which these proxies say it: x-forwarded-for or forwarded [default: x-forwarded-for]
    #[arg(long, value_name = "NAME")]
    trusted_proxies_header: HeaderName,

    /// Directory in which to keep the log on disk [default: in memory]
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// With --data, when messages are synced to disk: always (before each answer), never, or an interval such as 100ms
    /// [default: always]
    #[arg(long, value_name = "WHEN")]
    fsync: Fsync,

    /// With --data, bytes of all messages on disk; beyond it, the oldest are deleted
    /// [default: a quarter of the disk]
    #[arg(long, value_name = "BYTES")]
    data_bytes_max: Bytes,

    /// With --data, bytes of memory for messages that were read from disk, which subscribers share while
    /// they catch up [default: 64MiB, or eight times the largest message]
    #[arg(long, value_name = "BYTES")]
    cache_bytes_max: Bytes,

    /// Worker threads, at most 64 [default: one per core]
    #[arg(long, value_name = "COUNT")]
    workers: Count,

    /// Subscribers at the same time [default: what the file-descriptor limit allows]
    #[arg(long, value_name = "COUNT")]
    connections_max: Count,

    /// Who may read /metrics: local (programs on this machine), open (everybody who reaches the server), or off
    /// [default: local]
    #[arg(long, value_name = "WHO")]
    metrics: Monitoring,

    /// Secret that tokens are signed with, of at least 32 bytes; not as a flag, which other users of the machine
    /// could read [default: none]
    #[arg(long, value_name = "TEXT", help_heading = TOKENS)]
    tokens_secret: Secret,

    /// File with the secret that tokens are signed with [default: none]
    #[arg(long, value_name = "FILE", help_heading = TOKENS)]
    tokens_secret_file: PathBuf,

    /// Files with public keys in PEM, or with a key set (JWKS); read again when they change [default: none]
    #[arg(long, value_name = "FILES", help_heading = TOKENS)]
    tokens_key_files: Texts,

    /// URL of a key set (JWKS); fetched at the start, and again for new keys [default: none]
    #[arg(long, value_name = "URL", help_heading = TOKENS)]
    tokens_jwks_url: String,

    /// How often the key set is fetched [default: 10m]
    #[arg(long, value_name = "TIME", help_heading = TOKENS)]
    tokens_jwks_interval: Span,

    /// Time between two fetches at least, also if a token names a key that is not known [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = TOKENS)]
    tokens_jwks_interval_min: Span,

    /// Algorithms that tokens may be signed with, each for the keys of its kind
    /// [default: HS256, RS256, ES256, ES384, EdDSA]
    #[arg(long, value_name = "NAMES", help_heading = TOKENS)]
    tokens_algorithms: Algorithms,

    /// Issuers whose tokens are accepted: iss has to be one of them [default: every issuer]
    #[arg(long, value_name = "TEXTS", help_heading = TOKENS)]
    tokens_issuer: Texts,

    /// What this server is called in aud; a token has to name one of these [default: tokens without aud]
    #[arg(long, value_name = "TEXTS", help_heading = TOKENS)]
    tokens_audience: Texts,

    /// Types of tokens that are accepted, such as at+jwt: typ has to be one of them
    /// [default: JWT, tidewire+jwt or no typ]
    #[arg(long, value_name = "TEXTS", help_heading = TOKENS)]
    tokens_types: Texts,

    /// How far the clocks of this server and of the issuer may differ, at most 5m [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = TOKENS)]
    tokens_leeway: Span,

    /// Name of a cookie in which pages may send a token: those of this server, and of origins that allowed_origins
    /// names, not by * [default: none]
    #[arg(long, value_name = "NAME", help_heading = TOKENS)]
    tokens_cookie: CookieName,

    /// What a token in the query, token=, is good for: never, reading (all but publishing), or always
    /// [default: reading]
    #[arg(long, value_name = "WHEN", help_heading = TOKENS)]
    tokens_in_query: TokensInQuery,

    /// List of API keys, which `tidewire key` writes; not in the table [tokens]
    /// [default: api-keys.json in the data folder]
    #[arg(long, value_name = "FILE", help_heading = TOKENS)]
    api_keys_file: PathBuf,

    /// Certificate of this server and those that sign it, a PEM file: with it and --tls-key, addresses speak TLS
    /// (https, wss) unless they begin with http:// [default: plain HTTP]
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_certificate: PathBuf,

    /// Key of the certificate, a PEM file; both files are read again when they change [default: none]
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_key: PathBuf,

    /// Whether clients may choose HTTP/2 over TLS; without it, HTTP/1.1 only [default: true]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", help_heading = "TLS")]
    http2: bool,

    /// Connections and long-polls of one address at the same time; of IPv6 the first 64 bits count [default: no limit]
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    connections_per_address: Count,

    /// Connections and long-polls of all tokens with the same subject at the same time [default: no limit]
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    connections_per_user: Count,

    /// Messages that one connection may publish: 100/s, 600/m, 1000/h, or off [default: off]
    #[arg(long, value_name = "RATE", help_heading = "Limits")]
    publishes_per_connection: RateLimit,

    /// Messages that one address may publish [default: off]
    #[arg(long, value_name = "RATE", help_heading = "Limits")]
    publishes_per_address: RateLimit,

    /// Messages that all tokens with the same subject may publish [default: off]
    #[arg(long, value_name = "RATE", help_heading = "Limits")]
    publishes_per_user: RateLimit,

    /// Messages that one API key may publish [default: off]
    #[arg(long, value_name = "RATE", help_heading = "Limits")]
    publishes_per_key: RateLimit,

    /// Tickets that one address may request [default: 100/s]
    #[arg(long, value_name = "RATE", help_heading = "Limits")]
    tickets_per_address: RateLimit,

    /// Tokens and tickets from one address that may be wrong, before no more are looked at [default: 300/m]
    #[arg(long, value_name = "RATE", help_heading = "Limits")]
    failed_tokens_per_address: RateLimit,

    /// Longest URL: path and query [default: 64KiB]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    url_bytes_max: Bytes,

    /// Which lines are logged: error, warn, info, debug, trace or off, also for parts of the server: warn,tidewire::access=info
    /// [default: info]
    #[arg(long, value_name = "LEVEL", help_heading = "Log")]
    log_level: LogLevel,

    /// How lines are logged: text, or json for programs [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Log")]
    log_format: LogFormat,

    /// Log each request, without what its sender shows who it is by, and without payload [default: false]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", help_heading = "Log")]
    access_log: AccessLog,

    /// Subscriptions of one connection [default: 256]
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    subscriptions_max: Count,

    /// Largest message: payload, event name and key [default: 1MiB]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    message_bytes_max: Bytes,

    /// Largest body of a batch of messages [default: 8MiB]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    batch_bytes_max: Bytes,

    /// Largest batch gathered for one write to a subscriber [default: 64KiB]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    gather_bytes_max: Bytes,

    /// Answers that may wait for a subscriber before no more is read from it [default: 64KiB]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    replies_bytes_max: Bytes,

    /// Bytes of requests and WebSocket messages that have not arrived completely, of all clients; one client may
    /// have a quarter, and the one with most is refused first [default: 128MiB, or four times the largest body]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    input_bytes_max: Bytes,

    /// Bytes of answers and messages that clients have not read, of all clients; one client may have a
    /// quarter, and the one with most is disconnected first [default: 128MiB, or 16 times the largest message]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    output_bytes_max: Bytes,

    /// Message ids remembered for one publisher's address, for deduplication [default: 250000]
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    publisher_ids_max: Count,

    /// Messages on one page of history [default: 1000]
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    page_messages_max: Count,

    /// Empty channels whose lost messages are remembered individually [default: 10000]
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    dead_channels_max: Count,

    /// Messages that a channel stores [default: 10000; with --data unlimited]
    #[arg(long, value_name = "COUNT", help_heading = "Retention, whichever bound is reached first")]
    retention_messages: Count,

    /// Bytes that a channel stores [default: 16MiB; with --data unlimited]
    #[arg(long, value_name = "BYTES", help_heading = "Retention, whichever bound is reached first")]
    retention_bytes: Bytes,

    /// How long a channel stores a message [default: 1h; with --data unlimited]
    #[arg(long, value_name = "TIME", help_heading = "Retention, whichever bound is reached first")]
    retention_age: Span,

    /// Bytes of all messages in memory; beyond it, the oldest are deleted [default: 256MiB]
    #[arg(long, value_name = "BYTES", help_heading = "Retention, whichever bound is reached first")]
    total_bytes_max: Bytes,

    /// Time without a message after which a heartbeat is sent [default: 20s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    heartbeat: Span,

    /// How long a WebSocket client may take to answer a ping [default: 20s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    pong_wait: Span,

    /// How long a WebSocket may take to close [default: 3s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    close_wait: Span,

    /// How long a client may read no byte before it is disconnected [default: 1m]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    stall: Span,

    /// How long a request's body may take to arrive [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    body_wait: Span,

    /// How long a long-poll may wait [default: 55s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    poll_wait_max: Span,

    /// How long an HTTP connection may be idle between requests; longer than a load balancer's own limit [default: 75s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    keep_alive: Span,

    /// How long before a token expires its connection is notified, so that it can be renewed; 0s for never [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    expiry_notice: Span,

    /// How long a WebSocket client that may do nothing without a token has to send one [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    token_wait: Span,

    /// How long browsers wait before they reconnect [default: 2s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    retry: Span,

    /// How often joins and leaves are published, in channels with presence [default: 1s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    presence_interval: Span,

    /// How long the server goes on as before after a signal to end, but not ready, so that a load balancer sends clients
    /// elsewhere [default: 0s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    drain_delay: Span,

    /// How long a shutdown may take to end the connections: evenly, over the first three quarters of it [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Time")]
    drain: Span,
}

impl Settings {
    pub(super) fn broker(&self, channels: &[(Pattern, Rule)]) -> broker::Limits {
        let (defaults, options) = (broker::Limits::default(), broker::Options::default());
        // A log on disk is bounded by what all messages take there. What removes a key takes part in
        // that bound without making way for anything, so it keeps bounds of its own.
        let unstated = match self.data {
            Some(_) => broker::Retention::UNBOUNDED,
            None => options.retention,
        };
        let tombstones = self.retention(options.retention);
        let options = broker::Options {
            retention: self.retention(unstated),
            message_bytes_max: self
                .message_bytes_max
                .map_or(options.message_bytes_max, Bytes::count),
            ..options
        };
        broker::Limits {
            rules: broker::Rules::new(options, channels.iter().cloned())
                .keeping_tombstones(tombstones),
            bytes_max: self.total_bytes_max.map_or(defaults.bytes_max, Bytes::count),
            dead_channels_max: self
                .dead_channels_max
                .map_or(defaults.dead_channels_max, Into::into),
        }
    }

    fn retention(&self, unstated: broker::Retention) -> broker::Retention {
        broker::Retention {
            messages_max: self.retention_messages.map_or(unstated.messages_max, Into::into),
            bytes_max: self.retention_bytes.map_or(unstated.bytes_max, Bytes::count),
            age_max_ms: self.retention_age.map_or(unstated.age_max_ms, Span::millis),
        }
    }

    pub(super) fn connection(&self, message_bytes_max: usize) -> connection::Limits {
        let defaults = connection::Limits::default();
        connection::Limits {
            heartbeat_ms: self.heartbeat.map_or(defaults.heartbeat_ms, Span::millis),
            pong_wait_ms: self.pong_wait.map_or(defaults.pong_wait_ms, Span::millis),
            close_wait_ms: self.close_wait.map_or(defaults.close_wait_ms, Span::millis),
            stall_ms: self.stall.map_or(defaults.stall_ms, Span::millis),
            expiry_notice_ms: self.expiry_notice.map_or(defaults.expiry_notice_ms, Span::millis),
            grant_wait_ms: self.token_wait.map_or(defaults.grant_wait_ms, Span::millis),
            retry_ms: self.retry.map_or(defaults.retry_ms, Span::millis),
            gather_bytes_max: self.gather_bytes_max.map_or(defaults.gather_bytes_max, Bytes::count),
            subscriptions_max: self
                .subscriptions_max
                .map_or(defaults.subscriptions_max, Into::into),
            page_messages_max: self
                .page_messages_max
                .map_or(defaults.page_messages_max, Into::into),
            replies_bytes_max: self
                .replies_bytes_max
                .map_or(defaults.replies_bytes_max, Bytes::count),
            message_bytes_max,
        }
    }
}

/// Where the settings of tokens stand in `--help` and on the page of settings.
const TOKENS: &str = "Tokens (in the file: [tokens], without tokens_)";
