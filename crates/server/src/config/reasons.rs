//! Why a channel has the options it has: which table, setting or default decided each.

use super::{
    Settings,
    channels::{self, ChannelOption, OPTIONS, Value},
    environment,
    layers::File,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};
use tidewire_broker::{ChannelName, Pattern, Rule, Rules};

/// One option of a channel, as `tidewire check-config` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// Its key.
    pub option: &'static str,
    /// What it comes to.
    pub value: Value,
    /// Where the value was given.
    pub reason: Reason,
}

/// Where the value of an option was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Reason {
    /// Nobody.
    Default,
    /// Nobody, and it is another default than that of a log in memory.
    DefaultWithData,
    /// The server, for its own channels.
    BuiltIn {
        /// Which channels.
        pattern: String,
    },
    /// A table of the file: the most specific that says anything of it.
    Table {
        /// Which channels.
        pattern: String,
        /// Which file.
        file: String,
    },
    /// The file, for all channels.
    File {
        /// Its key.
        key: &'static str,
        /// Which file.
        file: String,
    },
    /// A variable of the environment.
    Variable {
        /// Its name.
        name: String,
    },
    /// A flag of the command line.
    Flag {
        /// How it is spelled.
        name: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::DefaultWithData => formatter.write_str("default with data"),
            Self::BuiltIn { pattern } => write!(formatter, "built in for {pattern}"),
            Self::Table { pattern, file } => {
                write!(formatter, "{} in {file}", channels::spell(pattern))
            }
            Self::File { key, file } => write!(formatter, "{key} in {file}"),
            Self::Variable { name } | Self::Flag { name } => formatter.write_str(name),
        }
    }
}

/// What was said where, as far as it decides the options of channels.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    file: String,
    tables: Vec<(Pattern, Rule)>,
    /// The reason of each setting that was given.
    settings: BTreeMap<&'static str, Reason>,
}

impl Origins {
    pub(super) fn of(file: &File, environment: &Settings, flags: &Settings) -> Self {
        let in_file = |key| (key, Reason::File { key, file: file.name.clone() });
        let variable =
            |key: &'static str| (key, Reason::Variable { name: environment::spell(key) });
        let flag = |key: &'static str| {
            let name = format!("--{}", key.replace('_', "-"));
            (key, Reason::Flag { name })
        };
        let settings = file.settings.given().map(in_file);
        let settings = settings.chain(environment.given().map(variable));
        let settings = settings.chain(flags.given().map(flag));
        Self {
            file: file.name.clone(),
            tables: file.channels.clone(),
            settings: settings.collect(),
        }
    }

    /// Every option of a channel that means anything there.
    pub(super) fn explain(&self, rules: &Rules, channel: &ChannelName) -> Vec<Decided> {
        let options = rules.of(channel);
        let values = OPTIONS.iter().filter_map(|option| Some((option, (option.value)(&options)?)));
        let decided = values.map(|(option, value)| Decided {
            option: option.key,
            value,
            reason: self.reason(option, rules, channel),
        });
        decided.collect()
    }

    fn reason(&self, option: &ChannelOption, rules: &Rules, channel: &ChannelName) -> Reason {
        let stating = rules.matching(channel).filter(|(_, rule)| (option.is_stated)(rule));
        let Some((pattern, rule)) = stating.last() else {
            let stated = self.settings.get(option.key).cloned();
            return stated.unwrap_or_else(|| self.default(option, rules, channel));
        };
        let is_ours = |(stated, by): &(Pattern, Rule)| stated == pattern && by == rule;
        match self.tables.iter().any(is_ours) {
            true => Reason::Table { pattern: pattern.to_string(), file: self.file.clone() },
            false => Reason::BuiltIn { pattern: pattern.to_string() },
        }
    }

    /// Compacted channels keep as many removals as those of a log in memory.
    fn default(&self, option: &ChannelOption, rules: &Rules, channel: &ChannelName) -> Reason {
        let is_compact = rules.of(channel).compaction.is_some();
        let is_other = self.settings.contains_key("data") && WITH_DATA.contains(&option.key);
        if is_other && !is_compact { Reason::DefaultWithData } else { Reason::Default }
    }
}

/// The options whose default is another if the log is kept on disk.
const WITH_DATA: [&str; 3] = ["retention_messages", "retention_bytes", "retention_age"];
