//! The attacks by name: what each server needs for them, and what they may cost.

use super::{
    attacker::{self, Aftermath, Target, batch},
    attacks::{
        credentials, handshakes, pipelines, publishers, readers, requests, resumes, streams,
        unfinished,
    },
    scale::Scale,
};
use anyhow::Result;
use std::net::SocketAddr;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Attack {
    /// One connection, 10,000 pipelined requests for a file, no answer read
    Assets,
    /// A publisher that never reads its answers
    Answers,
    /// 100 connections, 96 KB of pipelined history requests each, no answer read
    History,
    /// 200 WebSockets that ask for 100 pages of history each, no answer read
    Replies,
    /// 300 readers that stop inside a message of 900 KB, which retention then removes
    Stuck,
    /// 20,500 polls, each closed at once by its client
    Polls,
    /// 200 batch bodies of 8 MiB, each without its last byte
    Bodies,
    /// 400 whole batches of 10,000 messages that are all refused, no answer read
    Batches,
    /// 300 WebSocket messages of a megabyte, each without its last byte
    Messages,
    /// 2,000 request heads of 120 KB that do not end
    Heads,
    /// 6,000 TLS handshakes that do not end, half of them with a whole ClientHello
    Handshakes,
    /// Tokens of ES384 with wrong signatures, as fast as eight connections are answered
    Tokens,
    /// Guesses at tickets, as fast as eight connections are answered
    Guesses,
    /// 50 connections of HTTP/2 that open streams and reset them, again and again
    RapidReset,
    /// More ids of deduplication from one publisher than the server remembers
    Ids,
    /// A gigabyte of values, each of a key of its own, in compacted channels
    Values,
    /// 300 WebSockets that each join 250 channels under 900 bytes of information
    Joins,
    /// One WebSocket that follows and leaves 100,000 channels in turn
    Follows,
    /// 1,000 readers of `>` that never read, and batches over 9,900 channels
    Unread,
    /// 200 healthy readers of `>`, and batches over 100 channels
    Wide,
    /// 500 connections with 256 patterns each, which all match
    Patterns,
    /// Eight readers of `>` from the earliest message over 100,000 channels
    Earliest,
    /// Four clients that resume a million messages of 100 channels from disk
    Cold,
    /// A page from the earliest message over 100,000 channels with a removal each
    Tombstones,
    /// 3,000 clients that come back at once
    Return,
}

/// What an attack may cost beyond what holds for all of them.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Megabytes by which the server may grow at its peak, and the reason for that number.
    pub growth_mb_max: u64,
    /// The named limit that this is.
    pub reason: &'static str,
    /// Megabytes that are left afterwards with good reason: state that the server was asked to keep.
    pub kept_mb_max: u64,
}

impl Attack {
    /// What it may cost.
    pub fn bounds(self, scale: Scale) -> Bounds {
        let (input_mb, output_mb) = scale.accounts_mb();
        let (growth_mb_max, reason, kept_mb_max) = match self {
            Self::Assets | Self::Answers => (32, "an answer and its file, one connection", 0),
            Self::History => (64, "100 connections: an answer and a little input each", 0),
            Self::Polls => (64, "poll_wait_max: a closed poll gives its place back", 0),
            Self::Bodies | Self::Messages | Self::Heads => {
                (input_mb + UNCOUNTED_MB, "input_bytes_max", 0)
            }
            Self::Batches => {
                (input_mb + output_mb + UNCOUNTED_MB, "input_bytes_max, output_bytes_max", 0)
            }
            Self::Replies | Self::Stuck => (output_mb + UNCOUNTED_MB, "output_bytes_max", 0),
            Self::Handshakes => {
                (64, "1,000 handshakes of each worker may wait for their client", 0)
            }
            Self::Tokens | Self::Guesses => (32, "failed_tokens_per_address", 0),
            Self::RapidReset => (64, "100 streams of each of 50 connections", 0),
            Self::Ids => (512, "a million ids and their messages", IDS_MB),
            Self::Values => (384, "half of total_bytes_max, keys and channels", LOG_MB / 2),
            Self::Joins => {
                (640, "64 MiB of joins, total_bytes_max, subscriptions", JOINS_MB + LOG_MB / 2)
            }
            Self::Follows => (32, "a channel that was only followed goes at once", 0),
            Self::Unread | Self::Wide => (640, "total_bytes_max, encodings and channels", LOG_MB),
            Self::Patterns => (256, "128,000 subscriptions", 0),
            Self::Earliest | Self::Tombstones => (256, "answers of gather_bytes_max", 0),
            Self::Cold => (384, "total_bytes_max of the log in memory", LOG_MB),
            Self::Return => (64, "3,000 subscribers", 0),
        };
        Bounds { growth_mb_max, reason, kept_mb_max }
    }

    /// Whether its server keeps the log on disk.
    pub(super) fn is_on_disk(self) -> bool {
        self == Self::Cold
    }

    /// Whether its server speaks TLS too, on a port of its own.
    pub(super) fn needs_tls(self) -> bool {
        matches!(self, Self::Handshakes | Self::RapidReset)
    }

    /// The file that configures its server.
    pub(super) fn configuration(self, scale: Scale) -> String {
        let (input_mb, output_mb) = scale.accounts_mb();
        let own = match self {
            Self::Tombstones => "[channels.\"gone.>\"]\ncompact = true\nkeys_max = 10\n",
            Self::Cold => "retention_messages = 100000\n",
            Self::Values => {
                "[channels.\"value.>\"]\ncompact = true\nkeys_max = 1000000\nkeys_bytes_max = \"1GiB\"\n"
            }
            Self::Joins => "[channels.\"room.>\"]\npresence = true\n",
            Self::Tokens | Self::Guesses => KEYS,
            Self::Stuck => "[channels.stuck]\nretention_messages = 1\n",
            _ => "",
        };
        format!("input_bytes_max = \"{input_mb}MiB\"\noutput_bytes_max = \"{output_mb}MiB\"\n{own}")
    }

    /// Puts into the log what it needs.
    pub(super) async fn prepare(self, address: SocketAddr, scale: Scale) -> Result<()> {
        let count = |full: usize| (full / scale.divisor()).max(1);
        let message = |fields: String| format!("{{{fields}}}");
        match self {
            Self::History | Self::Replies => {
                let data = "x".repeat(400);
                let messages =
                    (0..1_000).map(|_| message(format!(r#""channel":"h","data":"{data}""#)));
                attacker::publish_all(address, [batch(messages)]).await
            }
            Self::Earliest => {
                let batches = (0..count(100_000)).step_by(BATCH).map(|first| {
                    batch((first..first + BATCH).map(|channel| {
                        message(format!(r#""channel":"early.{channel}","data":{channel}"#))
                    }))
                });
                attacker::publish_all(address, batches).await
            }
            Self::Tombstones => {
                let batches = (0..count(100_000)).step_by(BATCH).map(|first| {
                    batch((first..first + BATCH).flat_map(|channel| {
                        let named = format!(r#""channel":"gone.{channel}","key":"k""#);
                        [message(format!(r#"{named},"data":1"#)), message(named)]
                    }))
                });
                attacker::publish_all(address, batches).await
            }
            Self::Cold => {
                let batches = (0..count(1_000_000)).step_by(BATCH * 2).map(|first| {
                    batch((first..first + BATCH * 2).map(|serial| {
                        let channel = serial % 100;
                        message(format!(r#""channel":"cold.c{channel}","data":"{serial:064}""#))
                    }))
                });
                attacker::publish_all(address, batches).await
            }
            _ => Ok(()),
        }
    }

    /// Attacks until the target's time is over.
    pub(super) async fn run(self, target: Target) -> Result<Aftermath> {
        match self {
            Self::Assets => pipelines::assets(target).await,
            Self::Answers => pipelines::answers(target).await,
            Self::History => pipelines::history(target).await,
            Self::Replies => requests::replies(target).await,
            Self::Stuck => readers::stuck(target).await,
            Self::Polls => pipelines::polls(target).await,
            Self::Bodies => unfinished::bodies(target).await,
            Self::Batches => publishers::batches(target).await,
            Self::Messages => unfinished::messages(target).await,
            Self::Heads => unfinished::heads(target).await,
            Self::Handshakes => handshakes::handshakes(target).await,
            Self::Tokens => credentials::tokens(target).await,
            Self::Guesses => credentials::guesses(target).await,
            Self::RapidReset => streams::rapid_reset(target).await,
            Self::Ids => publishers::ids(target).await,
            Self::Values => publishers::values(target).await,
            Self::Joins => requests::joins(target).await,
            Self::Follows => requests::follows(target).await,
            Self::Unread => publishers::unread(target).await,
            Self::Wide => publishers::wide(target).await,
            Self::Patterns => readers::patterns(target).await,
            Self::Return => readers::come_back(target).await,
            Self::Earliest => resumes::earliest(target).await,
            Self::Cold => resumes::cold(target).await,
            Self::Tombstones => resumes::tombstones(target).await,
        }
    }
}

/// Everybody may do everything, and tokens are checked all the same, with the algorithm that takes longest.
const KEYS: &str = concat!(
    "anonymous = true\n[tokens]\nalgorithms = \"ES384\"\nkey_files = \"",
    env!("CARGO_MANIFEST_DIR"),
    "/../tokens/tests/keys/p384-public.pem\"\n"
);

/// What is on no account: each worker's largest body twice, while it grows, and one that gives way; 4 KiB and a
/// socket's table for each connection; what the allocator keeps.
const UNCOUNTED_MB: u64 = 60;

/// `total_bytes_max`; values of compacted channels may have half of it.
const LOG_MB: u64 = 256;

/// 250,000 ids of one publisher's address, and as many messages.
const IDS_MB: u64 = 96;

/// Joins and leaves that are not published yet.
const JOINS_MB: u64 = 64;

/// Messages of half a batch that prepares a log.
const BATCH: usize = 5_000;

#[cfg(test)]
mod tests {
    use super::Attack;
    use clap::ValueEnum as _;
    use std::collections::BTreeSet;

    /// Where the bound of a row is tried by tests that are no attacks.
    const TESTS: [&str; 8] = [
        "cargo xtask crash",
        "engine-log",
        "connection",
        "worker_loop",
        "tickets",
        "limits",
        "http2",
        "keys::fetch",
    ];

    #[test]
    fn each_bound_on_memory_names_what_tries_it_and_each_attack_tries_one() {
        let page = include_str!("../../../../ARCHITECTURE.md");
        let (_, table) = page.split_once(" | tried by |\n").unwrap();
        let rows = table.lines().skip(1);
        let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
        assert!(rows.len() >= 20, "{} rows", rows.len());
        let attacks: BTreeSet<String> = Attack::value_variants()
            .iter()
            .filter_map(|attack| Some(attack.to_possible_value()?.get_name().to_owned()))
            .collect();
        let mut named = BTreeSet::new();
        for row in rows {
            let tried_by = row.trim_end_matches('|').rsplit('|').next().unwrap().trim();
            if tried_by == "the same" {
                continue;
            }
            for name in tried_by.split(", ").map(|name| name.trim_matches('`')) {
                let is_known = attacks.contains(name) || TESTS.contains(&name);
                assert!(is_known, "{name:?} tries nothing: {row}");
                named.insert(name.to_owned());
            }
        }
        let idle: Vec<_> = attacks.difference(&named).collect();
        assert!(idle.is_empty(), "no row of the table is tried by {idle:?}");
    }
}
