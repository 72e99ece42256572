//! The lowest layer: a TOML file.

use super::{
    ConfigError, Settings, channels,
    faults::Faults,
    tokens,
    values::{deserialize, meant},
};
use serde::Deserialize as _;
use std::path::Path;
use tidewire_broker::{Pattern, Rule};
use toml::{Table, Value, de::DeTable};

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) channels: Vec<(Pattern, Rule)>,
}

pub(super) fn from_file(path: &Path, faults: &mut Faults) -> File {
    match std::fs::read_to_string(path) {
        Ok(text) => from_text(&text, &path.display().to_string(), faults),
        Err(cause) => {
            faults.push_file(ConfigError::Unreadable { path: path.to_owned(), cause });
            File::default()
        }
    }
}

pub(super) fn from_text(text: &str, source_name: &str, faults: &mut Faults) -> File {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reported_line = None;
    for mut cause in errors {
        cause.set_input(Some(text));
        // One mistake often reads as several.
        let start = cause.span().and_then(|span| text.get(..span.start));
        let line = start.map(|before| before.matches('\n').count());
        if line.is_none() || line != reported_line {
            let cause = cause.to_string().trim_end().to_owned();
            faults.push_file(ConfigError::Syntax { source_name: source_name.to_owned(), cause });
        }
        reported_line = line;
    }
    let is_whole = reported_line.is_none() && faults.knows(&[]);
    let table = match Table::deserialize(toml::de::Deserializer::from(document)) {
        Ok(table) => table,
        Err(cause) if is_whole => {
            let (source_name, cause) = (source_name.to_owned(), cause.to_string());
            faults.push_file(ConfigError::Syntax { source_name, cause });
            return File::default();
        }
        Err(_) => return File::default(),
    };
    if is_whole {
        return from_table(table, source_name, faults);
    }
    // What is left around a mistake has its names, but not its values.
    let mut around = Faults::default();
    from_table(table, source_name, &mut around);
    faults.extend_names(around);
    File::default()
}

fn from_table(mut table: Table, source_name: &str, faults: &mut Faults) -> File {
    let (tables, tokens) = (table.remove(CHANNELS), table.remove(TOKENS));
    let settings = read(table, source_name, faults);
    let tokens = tokens.map(|tokens| read_tokens(tokens, source_name, faults));
    let settings = settings.overlaid_by(tokens.unwrap_or_default());
    let channels = tables.map(|tables| channels::read(tables, source_name, faults));
    File { name: source_name.to_owned(), settings, channels: channels.unwrap_or_default() }
}

/// Reads each value by itself, so that a bad one hides no other.
fn read(table: Table, source_name: &str, faults: &mut Faults) -> Settings {
    // A file that named another would be read, and the other not.
    let is_known = |key: &&str| *key != CONFIG && !key.starts_with(tokens::PREFIX);
    let known: Vec<_> = Settings::KEYS.iter().copied().filter(is_known).collect();
    let mut settings = Settings::default();
    for (key, value) in table {
        if !known.contains(&key.as_str()) {
            let tables = [CHANNELS, TOKENS];
            let meant = match key.strip_prefix(tokens::PREFIX) {
                Some(option) => Some(format!("[{TOKENS}] {option}")),
                None => meant(&key, known.iter().copied().chain(tables)).map(str::to_owned),
            };
            let (source_name, known) = (source_name.to_owned(), known.clone());
            faults.push(ConfigError::UnknownKey { source_name, key, meant, known });
            continue;
        }
        let one = Table::from_iter([(key.clone(), value)]);
        match deserialize(one, source_name, str::to_owned) {
            Ok(one) => settings = settings.overlaid_by(one),
            Err(error) => faults.push_unread(&key, error),
        }
    }
    settings
}

/// Reads the table of what concerns tokens: settings without their prefix.
fn read_tokens(table: Value, source_name: &str, faults: &mut Faults) -> Settings {
    let Value::Table(table) = table else {
        let (source_name, key) = (source_name.to_owned(), TOKENS.to_owned());
        let cause = "it has to be a table such as [tokens]".to_owned();
        faults.push_file(ConfigError::BadValue { source_name, key, cause });
        return Settings::default();
    };
    let options = Settings::KEYS.iter().filter_map(|key| key.strip_prefix(tokens::PREFIX));
    let known: Vec<_> = options.collect();
    let mut settings = Settings::default();
    for (option, value) in table {
        let key = format!("{}{option}", tokens::PREFIX);
        if !known.contains(&option.as_str()) {
            let (source_name, table) = (source_name.to_owned(), format!("[{TOKENS}]"));
            let (meant, known) = (meant(&option, known.iter().copied()), known.clone());
            let error =
                ConfigError::UnknownOption { source_name, table, key: option, meant, known };
            faults.push(error);
            continue;
        }
        let one = Table::from_iter([(key.clone(), value)]);
        match deserialize(one, source_name, |_| format!("[{TOKENS}] {option}")) {
            Ok(one) => settings = settings.overlaid_by(one),
            Err(error) => faults.push_unread(&key, error),
        }
    }
    settings
}

/// The two keys of the file that are no settings, but tables.
const CHANNELS: &str = "channels";
const TOKENS: &str = "tokens";

/// The one setting that the file does not have: where the file is.
const CONFIG: &str = "config";

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a file.
    fn errors_of(text: &str) -> String {
        let mut faults = Faults::default();
        from_text(text, "f", &mut faults);
        faults.finish(()).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_what_it_may_mean_or_those_there_are() {
        assert_eq!(errors_of("lisen = 1"), "f: there is no setting lisen; did you mean listen?");
        assert_eq!(errors_of("port = 1"), "f: there is no setting port; did you mean listen?");
        let table = "[channel.\"chat.>\"]\ncompact = true";
        assert_eq!(errors_of(table), "f: there is no setting channel; did you mean channels?");
        for key in ["config", "colour"] {
            let list = format!(
                "f: there is no setting {key}; there are listen, admin_listen, anonymous, "
            );
            let errors = errors_of(&format!("{key} = \"x\""));
            assert!(errors.starts_with(&list), "{errors}");
        }
    }

    #[test]
    fn a_bad_value_is_named_with_what_is_allowed() {
        for (text, key, part) in [
            ("heartbeat = \"soon\"", "heartbeat", "soon"),
            ("retention_bytes = \"1MB\"", "retention_bytes", "16MiB"),
            ("workers = \"many\"", "workers", "\"many\" is not a whole number such as 1000"),
            ("workers = -1", "workers", "a whole number such as 1000"),
            ("workers = 1.5", "workers", "expected a whole number such as 1000"),
            (
                "anonymous = \"yes\"",
                "anonymous",
                "\"yes\" is not true, false, or in the file a table",
            ),
            ("data = 5", "data", "expected path string"),
            ("listen = \"localhost\"", "listen", "\"localhost\" is not a port, or an address or"),
            ("listen = 65536", "listen", "\"65536\" is not a port"),
            ("listen = []", "listen", "an empty array is not a port"),
            (
                "allowed_hosts = \"push.example:80\"",
                "allowed_hosts",
                "\"push.example:80\" has a port",
            ),
            ("allowed_hosts = 5", "allowed_hosts", "expected hosts without a port, such as"),
            (
                "allowed_origins = [\"https://a.example\", \"https://b.example/\"]",
                "allowed_origins",
                "\"https://b.example/\" is a URL: an origin ends with its host or port; allowed are \
                 origins such as https://app.example.com",
            ),
            ("allowed_origins = 5", "allowed_origins", "expected origins such as https:"),
            ("listen = true", "listen", "expected a port, or an address or host name with a port"),
        ] {
            let errors = errors_of(text);
            assert!(
                errors.starts_with(&format!("f: {key}: ")) && errors.contains(part),
                "{errors}"
            );
        }
    }

    #[test]
    fn a_file_that_is_no_toml_says_where() {
        assert!(errors_of("listen =").contains("line 1"));
    }

    #[test]
    fn every_line_that_is_no_toml_is_reported_and_every_name_around_it() {
        let errors =
            errors_of("lisen = 1\nretention_age = 15m\ndata = 5\ndrain = 2 s\nworkers = 2");
        for part in ["3 errors", "at line 2", "at line 4", "setting lisen; did you mean listen?"] {
            assert!(errors.contains(part), "{errors}");
        }
    }
}
