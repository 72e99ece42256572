//! Random mixtures of everything that has a meaning in an event stream, invalid UTF-8 included: our parser reads what
//! Chromium's `EventSource` reads.

use crate::{
    common::within,
    event_stream::{Browser, names, receive},
};
use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;

#[tokio::test]
async fn any_stream_is_read_as_chromium_reads_it() -> Result<()> {
    within(180, async {
        let mut browser = Browser::start().await?;
        let mut events = 0;
        for seed in 0..STREAMS {
            let mut random = Rng::with_seed(seed);
            let fragments = (0..40).filter_map(|_| random.choice(FRAGMENTS)).copied();
            let mut wire = fragments.collect::<Vec<_>>().concat();
            // At the end of the stream Chromium comes back after that, by default after seconds.
            wire.extend(b"\nretry:1\n");
            let (front, back) = wire.split_at(random.usize(..wire.len()));
            let ours = receive(&[front, back])?;
            let theirs = browser.receive(&[front, back], names(&ours.items)).await;
            let theirs = theirs.with_context(|| format!("seed {seed}"))?;
            assert_eq!(ours.to_a_page(), theirs, "seed {seed}: {}", wire.escape_ascii());
            events += theirs.items.len();
        }
        ensure!(events > 100, "{events} events are too few to compare");
        Ok(())
    })
    .await
}

const STREAMS: u64 = 100;

const FRAGMENTS: &[&[u8]] = &[
    b"\n",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\n\r",
    b"\r\r",
    b"data",
    b"data:",
    b"data: a",
    b"data:b\n",
    b"data: c\n\n",
    b"Data:d\n",
    b"dat",
    b"event",
    b"event:",
    b"event: e\n",
    b"id",
    b"id:",
    b"id: i\n",
    b"id:\0\n",
    b"id\n",
    b"retry\n",
    b"retry:x\n",
    b"\nretry: 2\n",
    b":",
    b": comment\n",
    b" ",
    b"\t",
    b"\0",
    b"x",
    b"unknown: u\n",
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xBB\xBF",
    b"\xC3\xA9",
    b"\xC3",
    b"\xE2\x80",
    b"\xF0\x9F\xA6\x80",
    b"\xF0\x9F\xA6",
    b"\xFF",
    b"\xED\xA0\x80",
];
