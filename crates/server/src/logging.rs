//! The log on standard error: for people or for programs, and how much of it. An operator can change how much while the
//! server runs.
//!
//! Where standard error leads to systemd's journal, a line has no time, which the journal adds, and begins with its priority,
//! so that `journalctl -p warning` finds it.

use serde::{Deserialize, Deserializer, de::Error as _};
use std::{
    env, fmt,
    io::{self, IsTerminal as _},
    str::FromStr,
    sync::OnceLock,
};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Writer},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt as _,
};

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Which lines are written: a level, and others for parts of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLevel(String);

/// Whether each request is a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessLog(pub(crate) bool);

type Lines = Box<dyn Layer<Registry> + Send + Sync>;
type Filtered = tracing_subscriber::layer::Layered<reload::Layer<Lines, Registry>, Registry>;

/// What changes the log that [`begin`] has begun.
struct Handles {
    lines: reload::Handle<Lines, Registry>,
    filter: reload::Handle<EnvFilter, Filtered>,
}

static HANDLES: OnceLock<Handles> = OnceLock::new();

/// Begins the log: text, from the level `info` on. To be called once, before anything is logged.
pub fn begin() {
    let (lines, lines_handle) = reload::Layer::new(lines(LogFormat::Text));
    let (filter, filter_handle) = reload::Layer::new(filter(None));
    tracing_subscriber::registry().with(lines).with(filter).init();
    let _ = HANDLES.set(Handles { lines: lines_handle, filter: filter_handle });
}

/// Has the log be written as configured from now on. The variable `RUST_LOG`, if there is one, goes before `level`.
pub(crate) fn configure(format: LogFormat, level: Option<&LogLevel>) {
    let Some(Handles { lines: current, filter: current_filter }) = HANDLES.get() else { return };
    // Both fail only if the log has ended.
    let _ = current.reload(lines(format));
    let _ = current_filter.reload(filter(level));
}

fn lines(format: LogFormat) -> Lines {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
        LogFormat::Text if env::var_os("JOURNAL_STREAM").is_some() => {
            let format = Format::default().without_time().with_ansi(false);
            layer.with_ansi(false).event_format(OfJournal(format)).boxed()
        }
        LogFormat::Text => layer.with_ansi(wants_colours()).boxed(),
    }
}

/// Colours are for terminals, unless the user says otherwise (<https://no-color.org>).
fn wants_colours() -> bool {
    io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn filter(level: Option<&LogLevel>) -> EnvFilter {
    EnvFilter::try_from_env("RUST_LOG").unwrap_or_else(|_| {
        let level = level.map_or("info", |LogLevel(level)| level);
        EnvFilter::new(format!("{QUIET},{level}"))
    })
}

/// Lines for the journal, each after its priority as syslog numbers it.
struct OfJournal(Format<Full, ()>);

impl<S, N> FormatEvent<S, N> for OfJournal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(context, writer, event)
    }
}

impl<'de> Deserialize<'de> for LogFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// In a file it may be true or false too.
impl<'de> Deserialize<'de> for AccessLog {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected true or false")]
        enum Written {
            Truth(bool),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Truth(truth) => Ok(Self(truth)),
            Written::Word(word) => word.parse().map_err(D::Error::custom),
        }
    }
}

impl FromStr for AccessLog {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            other => Err(format!("{other:?} is not true or false")),
        }
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!("{other:?} is not text or json")),
        }
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match EnvFilter::try_new(text) {
            Ok(_) if !text.trim().is_empty() => Ok(Self(text.to_owned())),
            _ => Err(format!(
                "{text:?} is not error, warn, info, debug, trace or off, also for parts, such as \
                 warn,tidewire::access=info"
            )),
        }
    }
}

/// What these crates log, ours log too, or it is no fault; some write heads of requests, which hold tokens.
const QUIET: &str = "actix_server=warn,actix_http=off,rustls_platform_verifier=off,h2=off,hyper=off,\
    hyper_util=off,reqwest=off,rustls=off";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_word_or_directives_and_what_is_none_is_named_with_what_is_allowed() {
        for text in ["info", "warn,tidewire::access=info", "off", "TRACE"] {
            assert!(text.parse::<LogLevel>().is_ok(), "{text}");
        }
        for text in ["", "tidewire=loud", "a b=c"] {
            let error = text.parse::<LogLevel>().unwrap_err();
            assert!(error.contains("is not error, warn, info"), "{error}");
        }
        assert!("xml".parse::<LogFormat>().unwrap_err().contains("is not text or json"));
    }
}
