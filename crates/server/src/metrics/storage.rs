//! The figures of what is retained: in memory, on disk, and in flight.

use super::{
    Observed,
    family::{Family, Value},
};
use rustix::fs::statvfs;
use std::{fs, os::unix::fs::MetadataExt as _, path::Path};
use tidewire_engine_log::{LogStats, Timings};

pub(super) fn families(observed: &Observed) -> Vec<Family> {
    let (stats, log) = (observed.broker.stats(), observed.log.as_ref());
    let appended = stats.head.offset.saturating_sub(observed.first_head);
    let mut messages = Family::gauge("tidewire_retained_messages", "Messages stored, by place")
        .with(&[("place", "memory")], stats.messages);
    let mut bytes = Family::gauge("tidewire_retained", "Bytes that stored messages take, by place")
        .in_bytes()
        .with(&[("place", "memory")], stats.bytes);
    let on_disk = log.map(|(log, folder)| (log.stats(), folder));
    if let Some((log, _)) = &on_disk {
        messages = messages.with(&[("place", "disk")], log.messages);
        bytes = bytes.with(&[("place", "disk")], log.bytes);
    }
    let memory_limit = Family::gauge(
        "tidewire_memory_limit",
        "Bytes that messages in memory may take (total_bytes_max)",
    );
    let mut families = vec![
        Family::counter(
            "tidewire_appended_messages",
            "Messages that the log has taken since the start, those of the server itself included",
        )
        .of(appended),
        Family::gauge("tidewire_channels", "Channels known, empty ones included")
            .of(stats.channels),
        messages,
        bytes,
        memory_limit.in_bytes().of(observed.broker.limits().bytes_max),
        Family::counter(
            "tidewire_removed_messages",
            "Messages removed from memory by retention or a newer one of their key",
        )
        .of(stats.evicted),
    ];
    families.extend(in_flight(observed));
    if let Some((log, folder)) = on_disk {
        families.extend(of_log(&log));
        families.extend(of_disk(folder));
    }
    families
}

fn in_flight(observed: &Observed) -> [Family; 2] {
    let mut held = Family::gauge(
        "tidewire_in_flight",
        "Bytes of input that is not whole, and of output that is not sent",
    )
    .in_bytes();
    let mut limit =
        Family::gauge("tidewire_in_flight_limit", "Bytes that they may take").in_bytes();
    let accounts = &observed.in_flight;
    for (name, account) in [("input", &accounts.input), ("output", &accounts.output)] {
        held = held.with(&[("account", name)], account.held());
        limit = limit.with(&[("account", name)], account.bytes_max());
    }
    [held, limit]
}

fn of_log(log: &LogStats) -> Vec<Family> {
    let timings = |Timings { sum_us, buckets }: &Timings| {
        Value::of_buckets(*sum_us, buckets.iter().copied(), MICROSECONDS)
    };
    vec![
        Family::gauge("tidewire_log_waiting_publishes", "Publishes that wait to be committed")
            .of(log.waiting),
        Family::gauge("tidewire_log_waiting", "Bytes of publishes that wait to be committed")
            .in_bytes()
            .of(log.waiting_bytes),
        Family::histogram(
            "tidewire_log_commit",
            "How long a commit takes, with its sync if fsync is always",
        )
        .in_seconds()
        .of(timings(&log.commits)),
        Family::histogram(
            "tidewire_log_publish",
            "How long a publish takes from the engine's queue to its answer",
        )
        .in_seconds()
        .of(timings(&log.answers)),
        Family::counter("tidewire_log_failures", "Operations of the log on disk that have failed")
            .with(&[("operation", "commit")], log.failed_commits)
            .with(&[("operation", "sync")], log.failed_syncs)
            .with(&[("operation", "read")], log.failed_reads),
        Family::gauge(
            "tidewire_log_writable",
            "1 if the last commit or sync went well, 0 if it failed",
        )
        .of(log.is_writable),
    ]
}

/// What the folder takes, and what its disk has left.
fn of_disk(folder: &Path) -> Vec<Family> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    // What is allocated: the files end in holes.
    let bytes: u64 =
        files.filter_map(|file| Some(file.metadata().ok()?.blocks() * BLOCK_BYTES)).sum();
    let mut families = vec![
        Family::gauge("tidewire_data", "Bytes that the data folder takes on its disk")
            .in_bytes()
            .of(bytes),
    ];
    if let Ok(disk) = statvfs(folder) {
        let (free, size) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        families.extend([
            Family::gauge(
                "tidewire_disk_free",
                "Bytes that are free on the disk of the data folder",
            )
            .in_bytes()
            .of(free),
            Family::gauge("tidewire_disk_size", "Bytes that the disk of the data folder holds")
                .in_bytes()
                .of(size),
        ]);
    }
    families
}

/// What `st_blocks` counts, whatever the file system's blocks are.
const BLOCK_BYTES: u64 = 512;

const MICROSECONDS: f64 = 1_000_000.0;
