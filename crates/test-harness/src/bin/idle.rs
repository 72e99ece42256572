//! Memory of an idle subscriber: what a fresh server's anonymous memory grows by, a connection.

use anyhow::{Result, ensure};
use clap::Parser;
use tidewire_test_harness::load::{
    Wire, idle_bytes, idle_bytes_over_http2, idle_bytes_over_tls, raise_descriptor_limit,
};

/// Measure the anonymous resident memory of idle subscribers with one subscription each
#[derive(Debug, Parser)]
struct Arguments {
    /// Subscribers
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    connections: u64,
    /// Exit 1 above this number of bytes a subscriber
    #[arg(long, default_value_t = 2_500)]
    bytes_max: u64,
    /// The same for subscribers over TLS
    #[arg(long, default_value_t = 6_000)]
    tls_bytes_max: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    raise_descriptor_limit()?;
    let (mut most, mut most_over_tls) = (0, 0);
    println!("{:<24} {:>14} {:>24}", "", "B/subscriber", "after one delivery each");
    for (name, wire) in
        [("websocket", Wire::Ws), ("tidewire.v1", Wire::Tidewire), ("sse", Wire::Sse)]
    {
        let (idle, delivered) = idle_bytes(arguments.connections, wire).await?;
        println!("{name:<24} {idle:>14} {delivered:>24}");
        most = most.max(idle).max(delivered);
        let (idle, delivered) = idle_bytes_over_tls(arguments.connections, wire).await?;
        println!("{:<24} {idle:>14} {delivered:>24}", format!("{name}, TLS"));
        most_over_tls = most_over_tls.max(idle).max(delivered);
        for streams in [1, STREAMS] {
            let (idle, delivered) =
                idle_bytes_over_http2(arguments.connections, streams, wire).await?;
            println!(
                "{:<24} {idle:>14} {delivered:>24}",
                format!("{name}, HTTP/2, {streams} each")
            );
        }
    }
    let bytes_max = arguments.tls_bytes_max;
    ensure!(most_over_tls <= bytes_max, "{most_over_tls} B a TLS subscriber, above {bytes_max}");
    ensure!(most <= arguments.bytes_max, "{most} B a subscriber, above {}", arguments.bytes_max);
    Ok(())
}

/// Streams of an HTTP/2 connection, beside one alone.
const STREAMS: u64 = 50;
