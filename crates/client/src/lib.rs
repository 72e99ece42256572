//! A Rust client for Tidewire: connect, fall back, resume, publish.
//!
//! A subscription is a stream that outlives its connections. It reconnects by itself, resumes where
//! it was, on whichever wire can be had, and says so if messages were lost meanwhile.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use tidewire_client::{Client, Delivery};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("http://127.0.0.1:8080")?;
//! client.publish("chat.room1").text("hi").send().await?;
//!
//! let mut deliveries = client.subscribe_raw("chat.*").stream();
//! while let Some(delivery) = deliveries.next().await {
//!     match delivery? {
//!         Delivery::Message(message) => println!("{}: {:?}", message.channel, message.text()),
//!         Delivery::Gap(gap) => println!("lost some of {}", gap.channel),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod backup;
mod client;
mod history;
mod live;
mod outbox;
mod presence;
mod publish;
mod ready;
mod reload;
mod subscribe;
mod subscription;

mod message;
mod outcome;

mod backoff;
mod driver;
mod hub;
pub mod machine;

mod pattern;
mod progress;

mod http;
mod operators;
mod page;
#[cfg(feature = "rustls")]
mod tls;
mod token;
mod transport;
mod wire;

pub use backoff::Backoff;
pub use backup::Backup;
pub use client::{BuildError, Client, ClientBuilder};
pub use history::HistoryRequest;
pub use live::{Change, LiveMap, LivePresence};
pub use message::{FromRaw, Message};
pub use outbox::{Outbox, OutboxFull, Receipt};
pub use outcome::{Delivery, Outage, State, SubscribeError};
pub use page::PageError;
pub use presence::Presence;
pub use progress::{Order, Progress};
pub use publish::{PublishError, PublishRequest};
pub use reload::{ChangedSetting, Reloaded};
pub use subscribe::{Channels, SubscribeRequest};
pub use subscription::Subscription;
pub use tidewire_protocol::{
    Bookmark, ErrorCode, Gap, HistoryPage, ItemError, Member, Message as RawMessage, Position,
    Problem, Since,
};
pub use token::TokenError;
pub use transport::Wire;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/rust.md")]
struct Page;
