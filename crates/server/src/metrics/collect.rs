//! The figures of connections, deliveries, refusals and workers.

use super::{
    Observed,
    family::{Family, Value},
};
use crate::{connection_kind::ConnectionKind, limits::Limit};
use tidewire_connection::{
    CloseReason, Counter, Distribution, Transport, TransportCounts, WorkerMetrics,
};
use tidewire_protocol::ErrorCode;

pub(super) fn families(observed: &Observed) -> Vec<Family> {
    let workers = observed.metrics.workers();
    let connections: Vec<&WorkerMetrics> =
        workers.iter().map(|worker| &*worker.connections).collect();
    let sum = |of: fn(&WorkerMetrics) -> &Counter| -> u64 {
        connections.iter().map(|worker| of(worker).get()).sum()
    };
    let mut families = of_admission(observed);
    families.push(ended(&connections));
    families.push(
        Family::gauge(
            "tidewire_subscriptions",
            "Channels and patterns that connections and long-polls follow",
        )
        .of(sum(|worker| &worker.subscriptions)),
    );
    families.push(publishes(&connections));
    families.extend(sent(&connections));
    families.extend(histograms(&connections));
    families.push(
        Family::counter("tidewire_gaps", "Gap notices sent to clients")
            .with(&[("reason", "expired")], sum(|worker| &worker.expired_gaps))
            .with(&[("reason", "unknown_position")], sum(|worker| &worker.unknown_gaps)),
    );
    families.push(refusals(observed, &connections));
    families.push(limits_reached(observed));
    families.extend(of_workers(observed));
    families
}

fn of_admission(observed: &Observed) -> Vec<Family> {
    let admission = &observed.admission;
    let mut open = Family::gauge(
        "tidewire_connections",
        "Connections and long-polls, by transport and dialect",
    );
    let mut opened = Family::counter(
        "tidewire_connections_opened",
        "Connections and long-polls that were accepted",
    );
    for kind in ConnectionKind::ALL {
        let (transport, dialect) = kind.labels();
        let labels = [("transport", transport), ("dialect", dialect)];
        let count = admission.count(kind);
        open = open.with(&labels, count.open);
        opened = opened.with(&labels, count.opened);
    }
    let limit = Family::gauge(
        "tidewire_connections_limit",
        "Connections and long-polls that are accepted at most",
    );
    let requests =
        Family::gauge("tidewire_requests_in_progress", "HTTP requests that are not answered yet");
    let draining = Family::gauge(
        "tidewire_draining",
        "1 from the moment at which a signal asks the server to shut down",
    );
    let limit = limit.of(admission.connections_max());
    let draining = draining.of(admission.is_draining());
    vec![open, opened, limit, requests.of(admission.requests()), draining]
}

fn ended(workers: &[&WorkerMetrics]) -> Family {
    let sum = |of: &dyn Fn(&WorkerMetrics) -> u64| -> u64 { workers.iter().map(|it| of(it)).sum() };
    let family =
        Family::counter("tidewire_connections_ended", "Connections that have ended, by reason");
    let family = CloseReason::ALL.into_iter().fold(family, |family, reason| {
        family.with(&[("reason", reason.as_str())], sum(&|worker| worker.ended.get(reason)))
    });
    family
        .with(&[("reason", "aborted")], sum(&|worker| worker.ended.aborted.get()))
        .with(&[("reason", "panicked")], sum(&|worker| worker.ended.panicked.get()))
}

fn publishes(workers: &[&WorkerMetrics]) -> Family {
    let family =
        Family::counter("tidewire_publishes", "Messages that publishers have sent, by result");
    let published = workers.iter().map(|worker| worker.published.get()).sum::<u64>();
    let family = family.with(&[("result", "published")], published);
    ErrorCode::ALL.into_iter().fold(family, |family, code| {
        let refused = workers.iter().map(|worker| worker.publish_refusals.get(code)).sum::<u64>();
        family.with(&[("result", code.as_str())], refused)
    })
}

fn sent(workers: &[&WorkerMetrics]) -> [Family; 2] {
    let by_transport = |family: Family, of: fn(&WorkerMetrics) -> &TransportCounts| {
        Transport::ALL.into_iter().fold(family, |family, transport| {
            let count = workers.iter().map(|worker| of(worker).of(transport).get()).sum::<u64>();
            family.with(&[("transport", transport.as_str())], count)
        })
    };
    let deliveries = Family::counter(
        "tidewire_deliveries",
        "Messages handed to the kernel for subscribers, by transport",
    );
    let bytes = Family::counter(
        "tidewire_sent",
        "Bytes handed to the kernel for subscribers, without response heads, by transport",
    );
    [
        by_transport(deliveries, |worker| &worker.deliveries),
        by_transport(bytes.in_bytes(), |worker| &worker.sent_bytes),
    ]
}

fn refusals(observed: &Observed, workers: &[&WorkerMetrics]) -> Family {
    let family = Family::counter(
        "tidewire_refusals",
        "Requests and WebSocket commands that were refused, by error code",
    );
    ErrorCode::ALL.into_iter().fold(family, |family, code| {
        let commands = workers.iter().map(|worker| worker.refusals.get(code)).sum::<u64>();
        family.with(&[("code", code.as_str())], observed.metrics.refusals(code) + commands)
    })
}

fn limits_reached(observed: &Observed) -> Family {
    let family = Family::counter(
        "tidewire_limits_reached",
        "Requests and WebSocket commands that were refused because of a limit, by its setting",
    );
    let limits = observed.admission.limits();
    Limit::ALL.into_iter().fold(family, |family, limit| {
        family.with(&[("limit", limit.setting())], limits.reached(limit))
    })
}

fn histograms(workers: &[&WorkerMetrics]) -> [Family; 2] {
    let sum = |of: fn(&WorkerMetrics) -> Distribution| {
        let mut all = workers.iter().map(|worker| of(worker));
        let first = all.next().unwrap_or_else(|| of(&WorkerMetrics::default()));
        all.fold(first, |mut sum, more| {
            sum.add(&more);
            sum
        })
    };
    let latency = sum(|worker| worker.latency_ms.read());
    let lag = sum(|worker| worker.lag.read());
    [
        Family::histogram(
            "tidewire_delivery_latency",
            "From a message's time to the hand-over of its bytes to the kernel, without replays",
        )
        .in_seconds()
        .of(Value::histogram(&latency, MILLISECONDS)),
        Family::histogram(
            "tidewire_delivery_lag_messages",
            "Messages of the log, of all channels, between the place of a connection after a write and the newest",
        )
        .of(Value::histogram(&lag, 1.0)),
    ]
}

fn of_workers(observed: &Observed) -> [Family; 3] {
    let mut rounds = Family::counter("tidewire_worker_rounds", "Rounds of a worker's loop");
    let mut waits = Family::counter(
        "tidewire_worker_waits",
        "How often a worker's loop had nothing to do and waited",
    );
    let mut behind = Family::gauge(
        "tidewire_worker_behind_connections",
        "Connections that catch up and wait for a turn",
    );
    for (number, worker) in observed.metrics.workers().iter().enumerate() {
        let number = number.to_string();
        let labels = [("worker", number.as_str())];
        rounds = rounds.with(&labels, worker.rounds.get());
        waits = waits.with(&labels, worker.waits.get());
        behind = behind.with(&labels, worker.behind.get());
    }
    [rounds, waits, behind]
}

const MILLISECONDS: f64 = 1_000.0;
