//! All pairs of wires: cut one, and go on with another where it was.

use crate::common::{check_numbers, publish_numbers, within};
use anyhow::{Context as _, Result};
use tidewire_test_harness::{
    peers::{Subscriber, Wire},
    server::Server,
};

const MESSAGES: usize = 600;

#[tokio::test]
async fn a_position_of_one_wire_resumes_on_every_other() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        publish_numbers(address, "a", 0..MESSAGES).await?;
        for first in Wire::ALL {
            for second in Wire::ALL {
                // Just begun, in the middle, and all but done.
                for taken in [0, 1, MESSAGES / 2, MESSAGES - 1] {
                    let mut one =
                        Subscriber::open(first, address, &["a"], Some("earliest")).await?;
                    let mut messages = one.messages(taken).await?;
                    let mut other =
                        Subscriber::open(second, address, &["a"], Some(one.position())).await?;
                    drop(one);
                    messages.extend(other.messages(MESSAGES - taken).await?);
                    check_numbers(&messages, 0..MESSAGES)
                        .with_context(|| format!("{first:?} to {second:?} after {taken}"))?;
                }
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_reader_that_received_nothing_yet_resumes_too() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        publish_numbers(address, "a", 0..10).await?;
        for first in Wire::ALL {
            for second in Wire::ALL {
                let channel = format!("quiet.{first:?}.{second:?}");
                let one = Subscriber::open(first, address, &[&channel], None).await?;
                let position = one.position().to_owned();
                drop(one);
                publish_numbers(address, &channel, 0..10).await?;
                let mut other =
                    Subscriber::open(second, address, &[&channel], Some(&position)).await?;
                check_numbers(&other.messages(10).await?, 0..10)
                    .with_context(|| format!("{first:?} to {second:?}"))?;
            }
        }
        Ok(())
    })
    .await
}
