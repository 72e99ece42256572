//! The layer of the environment: variables that begin with `TIDEWIRE_`.
//!
//! Others set such variables too. Kubernetes describes every service of a namespace by some, so one that is not
//! known is never an error.

use super::{
    ConfigError, Settings,
    faults::{Faults, hint},
    values::{self, meant},
};
use std::{ffi::OsString, fmt};
use toml::{Table, Value};

/// A variable with the prefix of settings whose name is not a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    name: String,
    meant: Option<String>,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = hint(self.meant.as_deref(), || "tidewire serve --help lists them".to_owned());
        write!(formatter, "the variable {} is ignored: there is no such setting; {hint}", self.name)
    }
}

/// The unknown variables, for a warning: not those of Kubernetes, nor of other commands.
pub fn unknown_variables(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<UnknownVariable> {
    let mut unknown = Vec::new();
    for (name, value) in variables {
        let name = name.to_string_lossy();
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let key = rest.to_ascii_lowercase();
        let is_known = Settings::KEYS.contains(&key.as_str()) || OF_COMMANDS.contains(&rest);
        if is_known || is_of_kubernetes(rest, &value.to_string_lossy()) {
            continue;
        }
        let meant = meant(&key, Settings::KEYS.iter().copied()).map(spell);
        unknown.push(UnknownVariable { name: name.into_owned(), meant });
    }
    unknown.sort_by(|one, other| one.name.cmp(&other.name));
    unknown
}

/// Reads the variables of settings.
pub(super) fn read(
    variables: impl Iterator<Item = (OsString, OsString)>,
    faults: &mut Faults,
) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in variables {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let key = key.to_ascii_lowercase();
        if !Settings::KEYS.contains(&key.as_str()) {
            continue;
        }
        let read = match value.into_string() {
            Ok(text) => read_one(&key, text),
            Err(_) => Err(ConfigError::BadValue {
                source_name: SOURCE_NAME.to_owned(),
                key: spell(&key),
                cause: "its value is not UTF-8".to_owned(),
            }),
        };
        match read {
            Ok(one) => settings = settings.overlaid_by(one),
            Err(error) => faults.push_unread(&key, error),
        }
    }
    settings
}

/// A variable has no type: what no setting takes as a text may be a truth value.
fn read_one(key: &str, text: String) -> Result<Settings, ConfigError> {
    let truth = text.parse().map(Value::Boolean);
    let deserialize = |value| {
        let table = Table::from_iter([(key.to_owned(), value)]);
        values::deserialize(table, SOURCE_NAME, spell)
    };
    deserialize(Value::String(text)).or_else(|error| match truth {
        Ok(truth) => deserialize(truth),
        Err(_) => Err(error),
    })
}

/// How the environment spells a key.
pub(super) fn spell(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase())
}

/// Whether Kubernetes sets a variable, `TIDEWIRE_` left off, for a service whose name begins with `tidewire`.
///
/// `SERVICE_HOST`, `SERVICE_PORT`, `SERVICE_PORT_HTTP`, `PORT`, `PORT_80_TCP`, `PORT_80_TCP_ADDR` and so on;
/// with the rest of the service's name before, if it has more. `PORT` alone would be a likely mistake, but
/// Kubernetes gives it a URL.
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_of_kubernetes(rest: &str, value: &str) -> bool {
    let rest = format!("_{rest}");
    if rest.ends_with("_SERVICE_HOST") || rest.ends_with("_SERVICE_PORT") {
        return true;
    }
    if rest.contains("_SERVICE_PORT_") {
        return true;
    }
    if rest.ends_with("_PORT") && PROTOCOLS.iter().any(|one| is_url(value, one)) {
        return true;
    }
    let ends = rest.rmatch_indices("_PORT_").map(|(at, port)| rest.get(at + port.len()..));
    ends.flatten().any(is_port_and_protocol)
}

fn is_url(value: &str, protocol: &str) -> bool {
    let scheme = value.get(..protocol.len()).unwrap_or_default();
    let after = value.get(protocol.len()..).unwrap_or_default();
    scheme.eq_ignore_ascii_case(protocol) && after.starts_with("://")
}

/// `80_TCP`, and of it `_ADDR`, `_PORT` or `_PROTO`.
fn is_port_and_protocol(text: &str) -> bool {
    let mut parts = text.split('_');
    let port = parts.next().is_some_and(|port| port.parse::<u16>().is_ok());
    let protocol = parts.next().is_some_and(|protocol| PROTOCOLS.contains(&protocol));
    let part = parts.next().is_none_or(|part| ["ADDR", "PORT", "PROTO"].contains(&part));
    port && protocol && part && parts.next().is_none()
}

const PREFIX: &str = "TIDEWIRE_";

const SOURCE_NAME: &str = "the environment";

/// What the commands that speak to a server read.
const OF_COMMANDS: [&str; 2] = ["TOKEN", "URL"];

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(variables: &[(&str, &str)]) -> Vec<String> {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        unknown_variables(variables).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_kubernetes_sets_is_no_concern_of_ours() {
        for (name, value) in [
            ("TIDEWIRE_SERVICE_HOST", "10.0.0.11"),
            ("TIDEWIRE_SERVICE_PORT", "80"),
            ("TIDEWIRE_SERVICE_PORT_HTTP", "80"),
            ("TIDEWIRE_SERVICE_PORT_METRICS_2", "9090"),
            ("TIDEWIRE_PORT", "tcp://10.0.0.11:80"),
            ("TIDEWIRE_PORT_80_TCP", "tcp://10.0.0.11:80"),
            ("TIDEWIRE_PORT_80_TCP_PROTO", "tcp"),
            ("TIDEWIRE_PORT_80_TCP_PORT", "80"),
            ("TIDEWIRE_PORT_80_TCP_ADDR", "10.0.0.11"),
            ("TIDEWIRE_PORT_5353_UDP_ADDR", "10.0.0.11"),
            ("TIDEWIRE_PORT_7_SCTP", "sctp://10.0.0.11:7"),
            ("TIDEWIRE_EDGE_SERVICE_HOST", "10.0.0.12"),
            ("TIDEWIRE_EDGE_PORT", "udp://10.0.0.12:80"),
            ("TIDEWIRE_EDGE_PORT_80_TCP_ADDR", "10.0.0.12"),
            ("TIDEWIRE_URL", "http://tidewire"),
            ("TIDEWIRE_LISTEN", "8080"),
            ("PATH", "/bin"),
        ] {
            assert_eq!(warned(&[(name, value)]), [""; 0], "{name}");
        }
    }

    #[test]
    fn an_unknown_variable_is_reported_with_what_it_may_mean() {
        for (name, value, hint) in [
            ("TIDEWIRE_LISEN", "8080", "did you mean TIDEWIRE_LISTEN?"),
            ("TIDEWIRE_RETENTION_AGES", "1h", "did you mean TIDEWIRE_RETENTION_AGE?"),
            ("TIDEWIRE_PORT", "8080", "did you mean TIDEWIRE_LISTEN?"),
            ("TIDEWIRE_COLOUR_SCHEME", "x", "tidewire serve --help lists them"),
            ("TIDEWIRE_PORT_80_TCP_NAME", "x", "tidewire serve --help lists them"),
            ("TIDEWIRE_PORT_HTTP_TCP", "x", "tidewire serve --help lists them"),
        ] {
            let expected =
                format!("the variable {name} is ignored: there is no such setting; {hint}");
            assert_eq!(warned(&[(name, value)]), [expected]);
        }
    }

    #[test]
    fn no_setting_is_named_like_what_kubernetes_sets() {
        for key in Settings::KEYS {
            assert!(!is_of_kubernetes(&key.to_ascii_uppercase(), "tcp://10.0.0.1:80"), "{key}");
        }
    }

    #[test]
    fn a_value_is_read_as_its_setting_takes_it() {
        let variables = [
            ("TIDEWIRE_WORKERS", "3"),
            ("TIDEWIRE_ANONYMOUS", "true"),
            ("TIDEWIRE_DATA", "5"),
            ("TIDEWIRE_LISTEN", "80"),
            ("TIDEWIRE_NOTHING", "at all"),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let mut faults = Faults::default();
        let settings = read(variables.into_iter(), &mut faults);
        assert_eq!(settings.workers, Some("3".parse().unwrap()));
        assert_eq!(settings.anonymous, Some(crate::access::Anonymous::Everything));
        assert_eq!(settings.data, Some("5".into()));
        assert!(settings.listen.is_some() && faults.finish(()).is_ok());
    }

    #[test]
    fn every_bad_value_of_a_known_setting_is_reported() {
        let variables = [
            ("TIDEWIRE_WORKERS", "many"),
            ("TIDEWIRE_ANONYMOUS", "yes"),
            ("TIDEWIRE_HEARTBEAT", "soon"),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let mut faults = Faults::default();
        read(variables.into_iter(), &mut faults);
        let errors = faults.finish(()).unwrap_err().to_string();
        for part in [
            "3 errors",
            "\n  the environment: TIDEWIRE_WORKERS: \"many\" is not a whole number such as 1000",
            "\n  the environment: TIDEWIRE_ANONYMOUS: \"yes\" is not true, false, or in the file a table",
            "\n  the environment: TIDEWIRE_HEARTBEAT: \"soon\" is ",
        ] {
            assert!(errors.contains(part), "{errors}");
        }
    }
}
