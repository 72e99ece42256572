//! The server's configuration: a TOML file, the environment, flags, the later winning.
//!
//! Every key has one name in three spellings: `retention_messages` in the file,
//! `TIDEWIRE_RETENTION_MESSAGES` in the environment, `--retention-messages` as a flag.
//! What differs by channel has only the file: a table for each pattern, `[channels."chat.>"]`.

mod addresses;
mod change;
mod changes;
mod channels;
mod check;
mod environment;
mod exposure;
mod faults;
mod layers;
mod limits;
mod listen;
#[cfg(test)]
mod page;
mod proxies;
mod reasons;
mod settings;
mod tls;
mod token_values;
mod tokens;
mod units;
mod values;

pub use crate::access::{
    AllowedHosts, AllowedOrigins, Anonymous, CookieName, Monitoring, TokensInQuery,
};
pub use crate::limits::{Rate, RateLimit};
pub use crate::logging::{AccessLog, LogFormat, LogLevel};
pub use change::Change;
pub use changes::Changes;
pub use channels::Value;
pub use environment::{UnknownVariable, unknown_variables};
pub use faults::{ConfigError, ConfigErrors, Missing};
pub use listen::{Endpoint, Listen, Opening};
pub use proxies::{HeaderName, ProxyNetworks};
pub use reasons::{Decided, Reason};
pub use settings::Settings;
pub use token_values::{Algorithms, Secret, Texts};
pub use tokens::{KeyUrl, TokenKeys};
pub use units::{Bytes, Count, Fsync, Span};

use crate::{in_flight::SHARE, limits::LimitSettings, tls::TlsFiles};
use changes::{RELOADABLE, Stated};
use check::{check_disk, check_flags};
use faults::Faults;
use layers::File;
use reasons::Origins;
use std::path::PathBuf;
use tidewire_broker::{self as broker, ChannelName};
use tidewire_connection as connection;
use tidewire_tokens::Verifier;

/// The configuration in force: every key with its value.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen: at least one address, and none twice but with port 0.
    pub listen: Vec<Listen>,
    /// Where to listen for operators; nowhere, and what is for them is on the addresses of `listen`.
    pub admin_listen: Vec<Listen>,
    /// The certificate for those that speak TLS, with its key.
    pub tls: Option<TlsFiles>,
    /// Whether it offers HTTP/2 there.
    pub http2: bool,
    /// What requests without credentials may do.
    pub anonymous: Anonymous,
    /// The hosts by which this server is asked for, beside this machine's.
    pub allowed_hosts: AllowedHosts,
    /// Whose pages may do what programs may.
    pub allowed_origins: AllowedOrigins,
    /// The proxies whose word on the address of a client counts.
    pub trusted_proxies: ProxyNetworks,
    /// The header in which they say it.
    pub trusted_proxies_header: HeaderName,
    /// What verifies tokens; `None` if no keys are configured.
    pub tokens: Option<Verifier>,
    /// The cookie in which pages may send one.
    pub tokens_cookie: Option<CookieName>,
    /// What one in a query is good for.
    pub tokens_in_query: TokensInQuery,
    /// Where its keys come from.
    pub token_keys: TokenKeys,
    /// The list of API keys; it need not exist. `None` if there is no place for one.
    pub api_keys_file: Option<PathBuf>,
    /// Where the log is kept; `None` is in memory.
    pub data: Option<PathBuf>,
    /// When what is kept there has to be on disk.
    pub fsync: Fsync,
    /// What the messages of all channels may cost there, in bytes; `None` is what the disk holds.
    pub data_bytes_max: Option<usize>,
    /// What messages read from there may take in memory, in bytes, for subscribers to share.
    pub cache_bytes_max: usize,
    /// Worker threads.
    pub workers: usize,
    /// Subscribers at once; `None` is as many as the file-descriptor limit allows.
    pub connections_max: Option<usize>,
    /// The other limits on what clients do.
    pub(crate) limits: LimitSettings,
    /// What the broker keeps.
    pub broker: broker::Limits,
    /// How connections behave.
    pub connection: connection::Limits,
    /// The largest body of a batch, in bytes.
    pub batch_bytes_max: usize,
    /// Bytes of input whose end has not come, of all clients together.
    pub input_bytes_max: usize,
    /// Bytes of output that clients have not taken, of all of them together.
    pub output_bytes_max: usize,
    /// Ids remembered for the messages of one publisher's address.
    pub publisher_ids_max: usize,
    /// How long a request's body may take to arrive.
    pub body_wait: Span,
    /// How long a long-poll may wait.
    pub poll_wait_max: Span,
    /// How long an HTTP connection may be idle between requests.
    pub keep_alive: Span,
    /// How often joins and leaves are published.
    pub presence_interval: Span,
    /// How long a server that was asked to end goes on accepting, not ready.
    pub drain_delay: Span,
    /// How long connections have to end when the server does.
    pub drain: Span,
    /// Which lines are logged; `None` is from `info` on.
    pub log_level: Option<LogLevel>,
    /// How.
    pub log_format: LogFormat,
    /// Whether each request is one.
    pub access_log: AccessLog,
    /// Who may read the metrics.
    pub metrics: Monitoring,
    origins: Origins,
    /// What it was made of, to be compared with another one.
    stated: Stated,
}

impl Config {
    /// The configuration that `flags`, this process's environment and a file make together.
    ///
    /// # Errors
    ///
    /// A key is unknown, a value is invalid, or two settings exclude each other. The text of each error names the
    /// key, where it was given, and what is allowed.
    pub fn load(flags: Settings) -> Result<Self, ConfigErrors> {
        let mut faults = Faults::default();
        let environment = environment::read(std::env::vars_os(), &mut faults);
        let named = flags.config.as_ref().or(environment.config.as_ref());
        let file = named.map(|path| layers::from_file(path, &mut faults)).unwrap_or_default();
        Self::resolve(file, environment, flags, faults)
    }

    /// What a server that has started with `start` may take of this configuration: every setting that needs a restart keeps
    /// the value of the start, and so does what follows from it.
    ///
    /// # Errors
    ///
    /// Settings of both exclude each other.
    pub(crate) fn since(&self, start: &Self) -> Result<Self, ConfigErrors> {
        let settings = self.stated.settings.clone().pinned_to(&start.stated.settings, RELOADABLE);
        let faults = Faults::default();
        Self::of(settings, self.stated.clone(), self.origins.clone(), Some(start), faults)
    }

    /// Every option that has a meaning for a channel, and where its value was given.
    pub fn explain(&self, channel: &ChannelName) -> Vec<Decided> {
        self.origins.explain(&self.broker.rules, channel)
    }

    fn resolve(
        file: File,
        environment: Settings,
        flags: Settings,
        mut faults: Faults,
    ) -> Result<Self, ConfigErrors> {
        let origins = Origins::of(&file, &environment, &flags);
        check_flags(&flags, &mut faults);
        let settings = file.settings.overlaid_by(environment).overlaid_by(flags);
        let File { name, channels, .. } = file;
        let stated = Stated { settings: settings.clone(), channels, file: name };
        Self::of(settings, stated, origins, None, faults)
    }

    /// What `settings` and the tables of channels come to, on the addresses of `start` if the server has them already.
    fn of(
        settings: Settings,
        stated: Stated,
        origins: Origins,
        start: Option<&Self>,
        mut faults: Faults,
    ) -> Result<Self, ConfigErrors> {
        let broker = settings.broker(&stated.channels);
        let message_bytes_max = broker.rules.message_bytes_max();
        check_disk(&settings, &mut faults);
        let tls = tls::files(&settings, &mut faults);
        let batch_bytes_max = settings.batch_bytes_max.map_or(BATCH_BYTES_MAX, Bytes::count);
        let input_bytes_max =
            input_bytes_min(batch_bytes_max, message_bytes_max).max(INPUT_BYTES_MAX);
        let output_bytes_max = output_bytes_min(message_bytes_max).max(OUTPUT_BYTES_MAX);
        let cache_bytes_max = cache_bytes_min(message_bytes_max).max(CACHE_BYTES_MAX);
        let in_data = settings.data.as_ref().map(|data| data.join(API_KEYS_FILE));
        let api_keys_file = settings.api_keys_file.clone().or(in_data);
        let (tokens, token_keys) =
            tokens::verifier(&settings, api_keys_file.as_deref(), &mut faults);
        let (listen, admin_listen) = match start {
            None => addresses::all(&settings, tls.is_some(), &mut faults),
            Some(start) => addresses::kept(start, &settings, &mut faults),
        };
        let config = Self {
            listen,
            admin_listen,
            tls,
            http2: settings.http2.unwrap_or(true),
            anonymous: settings.anonymous.clone().unwrap_or_default(),
            workers: settings.workers.map_or_else(cores, Into::into),
            connections_max: settings.connections_max.map(Into::into),
            limits: limits::limits(&settings, tokens.is_some()),
            connection: settings.connection(message_bytes_max),
            broker,
            batch_bytes_max,
            input_bytes_max: settings.input_bytes_max.map_or(input_bytes_max, Bytes::count),
            output_bytes_max: settings.output_bytes_max.map_or(output_bytes_max, Bytes::count),
            publisher_ids_max: settings.publisher_ids_max.map_or(PUBLISHER_IDS_MAX, Into::into),
            body_wait: settings.body_wait.unwrap_or(BODY_WAIT),
            poll_wait_max: settings.poll_wait_max.unwrap_or(POLL_WAIT_MAX),
            keep_alive: settings.keep_alive.unwrap_or(KEEP_ALIVE),
            presence_interval: settings.presence_interval.unwrap_or(PRESENCE_INTERVAL),
            drain_delay: settings.drain_delay.unwrap_or(Span::seconds(0)),
            drain: settings.drain.unwrap_or(DRAIN),
            fsync: settings.fsync.unwrap_or_default(),
            log_level: settings.log_level,
            log_format: settings.log_format.unwrap_or_default(),
            access_log: settings.access_log.unwrap_or_default(),
            metrics: settings.metrics.unwrap_or_default(),
            allowed_hosts: settings.allowed_hosts.unwrap_or_default(),
            allowed_origins: settings.allowed_origins.unwrap_or_default(),
            trusted_proxies: settings.trusted_proxies.unwrap_or_default(),
            trusted_proxies_header: settings.trusted_proxies_header.unwrap_or_default(),
            tokens,
            tokens_cookie: settings.tokens_cookie,
            tokens_in_query: settings.tokens_in_query.unwrap_or_default(),
            token_keys,
            api_keys_file,
            data: settings.data,
            data_bytes_max: settings.data_bytes_max.map(Bytes::count),
            cache_bytes_max: settings.cache_bytes_max.map_or(cache_bytes_max, Bytes::count),
            origins,
            stated,
        };
        config.check(&mut faults);
        let (Stated { channels, file, .. }, broker) = (&config.stated, &config.broker);
        channels::check(channels, file, &broker.rules, broker.bytes_max, &mut faults);
        faults.finish(config)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX)
}

/// Where the list of API keys is in a data folder.
const API_KEYS_FILE: &str = "api-keys.json";

/// As many as the broker has lanes.
const WORKERS_MAX: usize = 64;

/// A dozen of the largest batches, as they arrive; more where a body may be so large that it needs more.
const INPUT_BYTES_MAX: usize = 128 << 20;

/// Two thousand answers or batches of the usual size; more where messages may be so large that it needs more.
const OUTPUT_BYTES_MAX: usize = 128 << 20;

/// What lets one client hold a message of the largest size with its encoding, which may be twice as long.
const fn output_bytes_min(message_bytes_max: usize) -> usize {
    message_bytes_max.saturating_mul(4 * SHARE)
}

/// A minute of a busy log, or several of the largest messages.
const CACHE_BYTES_MAX: usize = 64 << 20;

/// What holds the largest message that each of two threads reads, with an encoding that may be twice as long.
/// With less, what one subscriber waits for would push out what the other one waits for.
const fn cache_bytes_min(message_bytes_max: usize) -> usize {
    message_bytes_max.saturating_mul(8)
}

/// What lets one client hold the largest body, or the largest message as a request of `tidewire.v1`, which may be twice
/// as long.
const fn input_bytes_min(batch_bytes_max: usize, message_bytes_max: usize) -> usize {
    let request_bytes_max = message_bytes_max.saturating_mul(2);
    let larger =
        if batch_bytes_max > request_bytes_max { batch_bytes_max } else { request_bytes_max };
    larger.saturating_mul(SHARE)
}

/// A quarter of what all publishers together may have remembered: it takes several to use that up.
const PUBLISHER_IDS_MAX: usize = tidewire_broker::IDS_MAX / 4;

/// Some messages of the largest size, or many small ones.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// A megabyte over the slowest of phones.
const BODY_WAIT: Span = Span::seconds(30);

/// Proxies give up on a silent request after a minute.
const POLL_WAIT_MAX: Span = Span::seconds(55);

/// Above the minute after which balancers close idle connections: if the server closes first, a
/// request may be on its way just then.
const KEEP_ALIVE: Span = Span::seconds(75);

/// Often enough to seem at once, seldom enough that a crowd which comes at once is one batch.
const PRESENCE_INTERVAL: Span = Span::seconds(1);

/// Below the half minute after which supervisors kill.
const DRAIN: Span = Span::seconds(10);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn from_text(text: &str) -> Result<Config, ConfigErrors> {
        from_layers(text, &[])
    }

    fn from_layers(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let mut faults = Faults::default();
        let file = layers::from_text(text, "f", &mut faults);
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let environment = environment::read(variables, &mut faults);
        Config::resolve(file, environment, Settings::default(), faults)
    }

    fn addresses(config: &Config) -> Vec<String> {
        config.listen.iter().map(|listen| listen.address.to_string()).collect()
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        let config = from_text("").unwrap();
        assert_eq!(addresses(&config), ["127.0.0.1:8080"]);
        let broker = broker::Limits::default();
        assert_eq!(config.broker.rules.defaults(), broker.rules.defaults());
        assert_eq!(config.broker.bytes_max, broker.bytes_max);
        assert_eq!(config.connection, connection::Limits::default());
    }

    #[test]
    fn a_log_on_disk_keeps_messages_without_bounds_of_their_channel_and_tombstones_within() {
        let defaults = broker::Retention::default();
        let retention = |text: &str, channel: &str| {
            from_text(text).unwrap().broker.rules.of(&channel.parse().unwrap()).retention
        };
        let tables = "\n[channels.\"state.*\"]\ncompact = true\n[channels.\"log.*\"]\nretention_age = \"1d\"";
        let data = format!("data = \"log\"{tables}");
        assert_eq!(retention(&data, "chat"), broker::Retention::UNBOUNDED);
        assert_eq!(retention(&data, "state.a"), defaults);
        assert_eq!(retention(&data, "$presence.chat"), defaults);
        let day = broker::Retention { age_max_ms: 86_400_000, ..broker::Retention::UNBOUNDED };
        assert_eq!(retention(&data, "log.a"), day);
        let stated = format!("retention_messages = 5\n{data}");
        assert_eq!(retention(&stated, "chat").messages_max, 5);
        assert_eq!(
            retention(&stated, "state.a"),
            broker::Retention { messages_max: 5, ..defaults }
        );
        assert_eq!(retention(tables, "chat"), defaults, "in memory as ever");
    }

    #[test]
    fn later_layers_win_key_by_key() {
        let text = "retention_messages = 5\nheartbeat = \"1s\"";
        let variables = [("TIDEWIRE_RETENTION_MESSAGES", "6"), ("HOME", "x")];
        let config = from_layers(text, &variables).unwrap();
        assert_eq!(config.broker.rules.defaults().retention.messages_max, 6);
        assert_eq!(config.connection.heartbeat_ms, 1_000);
    }

    #[test]
    fn a_server_listens_in_several_places() {
        for (text, expected) in [
            ("listen = 80", &["127.0.0.1:80"][..]),
            ("listen = \":80\"", &["127.0.0.1:80"]),
            ("listen = \"80, 127.0.0.2:81\"", &["127.0.0.1:80", "127.0.0.2:81"]),
            ("listen = [80, \"127.0.0.2:81\"]", &["127.0.0.1:80", "127.0.0.2:81"]),
            ("listen = [80, \"127.0.0.1:80\"]", &["127.0.0.1:80"]),
            ("listen = [0, \":0\"]", &["127.0.0.1:0", "127.0.0.1:0"]),
        ] {
            assert_eq!(addresses(&from_text(text).unwrap()), expected, "{text}");
        }
        let named = from_text("listen = \"localhost:80\"").unwrap();
        assert!(addresses(&named).contains(&"127.0.0.1:80".to_owned()), "{:?}", named.listen);
        let variables = [("TIDEWIRE_LISTEN", "80,127.0.0.2:81")];
        let config = from_layers("", &variables).unwrap();
        assert_eq!(addresses(&config), ["127.0.0.1:80", "127.0.0.2:81"]);
    }

    #[test]
    fn each_address_is_judged_by_itself() {
        let error = from_text("listen = [80, \"192.0.2.1:80\"]").unwrap_err().to_string();
        assert!(
            error.starts_with("listen is 192.0.2.1:80, which other machines can reach"),
            "{error}"
        );
        let error = from_text("listen = \"nowhere.invalid:80\"").unwrap_err().to_string();
        assert!(error.starts_with("listen is nowhere.invalid:80, which has no address"), "{error}");
    }

    #[test]
    fn values_that_make_no_sense_are_refused_by_name() {
        for (text, name) in [
            ("workers = 65", "workers"),
            ("workers = 0", "workers"),
            ("message_bytes_max = \"1GiB\"", "message_bytes_max"),
            ("heartbeat = \"0s\"", "heartbeat"),
            ("retention_age = \"0s\"", "retention_age"),
            ("page_messages_max = 0", "page_messages_max"),
            ("replies_bytes_max = 0", "replies_bytes_max"),
            ("presence_interval = \"0ms\"", "presence_interval"),
            ("fsync = \"100ms\"", "fsync"),
            ("data_bytes_max = \"1GiB\"", "data_bytes_max"),
            ("cache_bytes_max = \"1GiB\"", "cache_bytes_max"),
            ("data = \"log\"\ncache_bytes_max = \"7MiB\"", "cache_bytes_max"),
            (
                "data = \"log\"\nmessage_bytes_max = \"2MiB\"\ncache_bytes_max = \"8MiB\"",
                "cache_bytes_max",
            ),
            ("data = \"log\"\ndata_bytes_max = \"1MiB\"", "data_bytes_max"),
            ("data = \"\"", "data"),
            ("input_bytes_max = \"31MiB\"", "input_bytes_max"),
            ("batch_bytes_max = \"1MiB\"\ninput_bytes_max = \"7MiB\"", "input_bytes_max"),
            ("output_bytes_max = \"15MiB\"", "output_bytes_max"),
            ("tls_key = \"k.pem\"", "tls_key"),
            ("tls_certificate = \"c.pem\"", "tls_certificate"),
            ("tls_certificate = \"/nowhere/c\"\ntls_key = \"k.pem\"", "tls_certificate"),
        ] {
            let error = from_text(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name} is ")), "{error}");
        }
        let text = "data = \"log\"\nfsync = \"100ms\"\ndata_bytes_max = \"1GiB\"";
        let durable = from_text(text).unwrap();
        assert_eq!(durable.fsync, "100ms".parse().unwrap());
        assert_eq!(durable.data_bytes_max, Some(1 << 30));
        assert_eq!(durable.cache_bytes_max, 64 << 20);
        let stated = from_text("data = \"log\"\ncache_bytes_max = \"8MiB\"").unwrap();
        assert_eq!(stated.cache_bytes_max, 8 << 20);
        let large = from_text("data = \"log\"\nmessage_bytes_max = \"16MiB\"").unwrap();
        assert_eq!(large.cache_bytes_max, 128 << 20);
    }

    #[test]
    fn every_error_of_every_layer_is_reported() {
        let text = "workers = 0\nlisen = 1\nheartbeat = \"soon\"\nfsync = \"never\"\n\
                    data_bytes_max = \"1GiB\"\nretention_age = \"0s\"\nlisten = \"192.0.2.1:80\"\n\
                    [channels.a]\nkeys_max = 0\nkeys_age = \"1h\"\nkeys_mx = 5\nids_age = 5\ndrain = 1\n\
                    [channels.\"b c\"]\nretention_bytes = -1\n[channels]\nd = 1\n";
        let errors = from_layers(text, &[("TIDEWIRE_DRAIN", "x")]).unwrap_err().to_string();
        let expected = [
            "the configuration has 15 errors:",
            "  the environment: TIDEWIRE_DRAIN: \"x\" is ",
            "  f: heartbeat: \"soon\" is ",
            "  f: there is no setting lisen; did you mean listen?",
            "  f: [channels.\"a\"] has no option drain; the setting drain is for all channels",
            "  f: [channels.\"a\"] ids_age: \"5\" is ",
            "  f: [channels.\"a\"] has no option keys_mx; did you mean keys_max?",
            "  f: [channels.\"b c\"] retention_bytes: ",
            "  f: [channels.\"b c\"]: a channel name holds ' '",
            "  f: [channels.\"d\"]: it has to be a table of options",
            "  fsync is never; it has to be left out",
            "  data_bytes_max is 1GiB; it has to be left out",
            "  workers is 0; it has to be",
            "  retention_age is 0s; it has to be",
            "  listen is 192.0.2.1:80, which other machines can reach",
            "  f: [channels.\"a\"] keys_max is 0; it has to be above zero",
        ];
        // What the last of them advises has lines of its own, further in.
        let lines: Vec<_> = errors.lines().filter(|line| !line.starts_with("    ")).collect();
        for line in &expected[1..] {
            assert!(
                lines.iter().any(|errors| errors.starts_with(line)),
                "{line} is not in {errors}"
            );
        }
        assert_eq!(lines.len(), expected.len(), "{errors}");
    }

    #[test]
    fn what_depends_on_a_value_that_is_none_is_not_judged() {
        for (text, count) in [
            ("total_bytes_max = \"1GB\"\nmessage_bytes_max = \"1GiB\"", 1),
            ("data = 5\nfsync = \"never\"", 1),
            ("anonymous = 1\nlisten = \"192.0.2.1:80\"", 1),
            ("[channels.a]\ncompact = 1\nkeys_max = 5", 1),
            ("[channels.\"a b\"]\ncompact = true\n[channels.a]\nkeys_max = 5", 1),
            ("total_bytes_max = 1k\nmessage_bytes_max = \"1GiB\"", 1),
        ] {
            let errors = from_text(text).unwrap_err().to_string();
            assert!(!errors.contains("errors:"), "{count} of {errors}");
        }
    }
}
