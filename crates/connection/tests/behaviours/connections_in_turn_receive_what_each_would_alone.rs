//! Connections that write the same use one batch in turn, and each client receives what it would alone.
#![allow(missing_docs, clippy::indexing_slicing)]

use crate::common::{JSON, RAW, SSE, Server, TIDEWIRE};
use std::{num::NonZeroU64, task::Waker};
use tidewire_broker::{Content, Draft};
use tidewire_connection::{Connection, Format, Framing, Wire};

/// What happens, in this order.
enum Step {
    Publish(&'static str, Draft),
    /// A write of one connection, and how many bytes of it the socket takes.
    Write(usize, usize),
}

#[test]
fn connections_in_turn_receive_what_each_would_alone() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let clients: Vec<_> = (0..8).map(|_| random_client(&mut random)).collect();
        let script: Vec<Step> = (0..60).map(|_| random_step(&mut random, clients.len())).collect();
        let together = run(&clients, &script, |_| true);
        for (client, received) in together.iter().enumerate() {
            let alone = run(&clients, &script, |at| at == client);
            assert_eq!(*received, alone[client], "client {client} of seed {seed}");
        }
    }
}

/// What each client receives if only some of them ever have a turn.
fn run(
    clients: &[(Wire, Vec<(&str, &str)>)],
    script: &[Step],
    has_turns: impl Fn(usize) -> bool,
) -> Vec<Vec<u8>> {
    let mut server = Server::keeping(4);
    let open = |(wire, follows): &(Wire, Vec<_>)| server.open(*wire, follows);
    let mut connections: Vec<_> = clients.iter().map(open).collect();
    let mut received = vec![Vec::new(); clients.len()];
    let mut write = |server: &mut Server, client: usize, bytes_max| {
        if has_turns(client) {
            write(server, &mut connections[client], bytes_max, &mut received[client]);
        }
    };
    for step in script {
        match step {
            Step::Publish(channel, draft) => server.publish(channel, draft.clone()),
            Step::Write(client, bytes_max) => write(&mut server, *client, *bytes_max),
        }
    }
    for client in (0..clients.len()).cycle().take(20 * clients.len()) {
        write(&mut server, client, usize::MAX);
    }
    received
}

/// One write, and no question after it: another connection's may follow at once.
fn write(server: &mut Server, client: &mut Connection, bytes_max: usize, received: &mut Vec<u8>) {
    let Server { worker, time, .. } = server;
    worker.lane.fire_timers(time.steady_ms);
    if client.poll_transmit(worker, *time, Waker::noop()) {
        let bytes: Vec<u8> =
            worker.batch.slices(&worker.broker).iter().flat_map(|slice| slice.to_vec()).collect();
        let written = bytes.len().min(bytes_max);
        received.extend_from_slice(&bytes[..written]);
        client.handle_transmitted(written, worker, *time);
    }
}

fn random_client(random: &mut fastrand::Rng) -> (Wire, Vec<(&'static str, &'static str)>) {
    let bare = Wire::Stream { format: Format::Json, framing: Framing::UntilClose };
    let wire = [SSE, SSE, SSE, RAW, RAW, JSON, TIDEWIRE, bare][random.usize(0..8)];
    let plain = vec![("a", "now")];
    let others = [vec![("a", "now"), ("b", "now")], vec![("*", "now")], vec![("b", "now")]];
    let follows = if random.u8(0..4) > 0 { plain } else { others[random.usize(0..3)].clone() };
    (wire, follows)
}

fn random_step(random: &mut fastrand::Rng, clients: usize) -> Step {
    if random.u8(0..5) > 0 {
        let bytes_max = if random.u8(0..4) > 0 { usize::MAX } else { random.usize(1..80) };
        return Step::Write(random.usize(0..clients), bytes_max);
    }
    let content = match random.u8(0..5) {
        0 => Content::Nothing,
        1 => Content::Json("[1]".into()),
        _ => Content::Text("x".repeat(random.usize(0..40)).into()),
    };
    // One that a client of that number, and of the one dialect that can say so, wants no echo of.
    let origin = NonZeroU64::new(random.u64(0..9)).filter(|_| random.bool());
    let channel = if random.u8(0..4) > 0 { "a" } else { "b" };
    Step::Publish(channel, Draft { origin, ..Draft::new(content) })
}
