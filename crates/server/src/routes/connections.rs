//! Who is connected, for operators: the list, the end of one, and how many have passed a message.

use super::{WorkerData, json_answer};
use crate::{
    access::AdminPermit,
    connection_kind::ConnectionKind,
    inquiries::{Busy, List, Listed, Passage, Wanted},
    problem::ProblemResponse,
    query::Query,
    worker_context::WorkerContext,
};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::{future::poll_fn, net::IpAddr, task::Poll};
use tidewire_broker::{Broker, ChannelName, PendingReads, Position, ReadContext};
use tidewire_protocol::ErrorCode;

#[derive(Serialize)]
struct Page {
    connections: Vec<Shown>,
    /// How many there are, on all pages.
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    transport: &'static str,
    dialect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    channels: Vec<String>,
    channel_count: usize,
    opened_ms: u64,
    position: String,
    lag: u64,
}

/// `GET /connections`: those that are furthest behind first.
pub(super) async fn list(
    _: AdminPermit,
    query: Query,
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let wanted = wanted(&query, worker_context.limits().page_messages_max)?;
    let list = worker_context.http.workers.list(wanted).await?;
    Ok(json_answer(serde_json::to_vec(&page(list, &worker_context.broker)).unwrap_or_default()))
}

#[derive(Serialize)]
struct Disconnected {
    id: String,
    position: String,
}

/// `DELETE /connections/{id}`
pub(super) async fn disconnect(
    id: web::Path<String>,
    _: AdminPermit,
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let ended = match id.parse() {
        Ok(id) => worker_context.http.workers.disconnect(id).await?,
        Err(()) => None,
    };
    let offset = ended.ok_or_else(|| ProblemResponse::new(ErrorCode::NotFound, GONE))?;
    let position = worker_context.broker.position(offset).to_string();
    let disconnected = Disconnected { id: id.into_inner(), position };
    Ok(json_answer(serde_json::to_vec(&disconnected).unwrap_or_default()))
}

#[derive(Serialize)]
struct Reached {
    position: String,
    channel: String,
    passed: usize,
    behind: usize,
}

/// `GET /messages/{position}/reach`
pub(super) async fn reach(
    position: web::Path<String>,
    _: AdminPermit,
    query: Query,
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let position: Position =
        position.parse().map_err(|error: tidewire_broker::InvalidPosition| {
            ProblemResponse::new(ErrorCode::BadPosition, error.to_string())
        })?;
    let broker = &worker_context.broker;
    if position.epoch != broker.epoch() || !(1..=broker.head()).contains(&position.offset) {
        return Err(ProblemResponse::new(ErrorCode::NotFound, NO_MESSAGE));
    }
    let channel = match query.one("channel") {
        Some(channel) => channel.parse()?,
        None => channel_at(position.offset, &worker_context)
            .await
            .ok_or_else(|| ProblemResponse::new(ErrorCode::NotFound, NO_CHANNEL))?,
    };
    let passage = Passage { channel: channel.clone(), offset: position.offset };
    let reach = worker_context.http.workers.reach(passage).await?;
    let (position, channel) = (position.to_string(), channel.as_str().to_owned());
    let reached = Reached { position, channel, passed: reach.passed, behind: reach.behind };
    Ok(json_answer(serde_json::to_vec(&reached).unwrap_or_default()))
}

/// The channel of a message; the disk may have to be asked.
async fn channel_at(offset: u64, worker_context: &WorkerContext) -> Option<ChannelName> {
    let pending_reads = PendingReads::default();
    poll_fn(|context| {
        if pending_reads.is_waiting(context.waker()) {
            return Poll::Pending;
        }
        let context = ReadContext::new(&pending_reads, context.waker());
        worker_context.broker.poll_channel_at(offset, context)
    })
    .await
}

fn wanted(query: &Query, limit_max: usize) -> Result<Wanted, ProblemResponse> {
    let refuse = |message: String| ProblemResponse::new(ErrorCode::BadRequest, message);
    let transport = query.one("transport").map(str::to_owned);
    if let Some(transport) = &transport {
        let mut known: Vec<_> = ConnectionKind::ALL.map(|kind| kind.labels().0).into();
        known.dedup();
        // Each long-poll is a request of its own, and is not listed.
        known.retain(|transport| *transport != "poll");
        if !known.contains(&&**transport) {
            let allowed = known.join(", ");
            return Err(refuse(format!("transport is {transport:?}; it has to be {allowed}")));
        }
    }
    let after = query.one("after").map(str::parse).transpose();
    let after = after.map_err(|()| {
        refuse("after has to be the `next` of the page before, exactly as it was given".to_owned())
    })?;
    Ok(Wanted {
        user: query.one("user").map(str::to_owned),
        channel: query.one("channel").map(str::parse).transpose()?,
        transport,
        after,
        limit: query.limit()?.unwrap_or(LIMIT).min(limit_max),
    })
}

fn page(list: List, broker: &Broker) -> Page {
    let List { connections, total, left } = list;
    let last = connections.last().map(|listed| listed.key);
    let next = last.filter(|_| left > connections.len()).map(|key| key.to_string());
    // After the connections were looked at, so that none of them is ahead of it.
    let head = broker.head();
    let shown = connections.into_iter().map(|listed| show(listed, head, broker)).collect();
    Page { connections: shown, total, next }
}

fn show(listed: Listed, head: u64, broker: &Broker) -> Shown {
    let Listed { key, transport, dialect, address, user, channels, channel_count, opened_s } =
        listed;
    Shown {
        id: key.id.to_string(),
        transport,
        dialect,
        address,
        user: user.as_deref().map(str::to_owned),
        channels,
        channel_count,
        opened_ms: u64::from(opened_s) * 1_000,
        position: broker.position(key.offset).to_string(),
        lag: head.saturating_sub(key.offset),
    }
}

impl From<Busy> for ProblemResponse {
    fn from(Busy: Busy) -> Self {
        let message = "too many requests of operators wait for a worker; try again in a moment";
        Self::new(ErrorCode::Overloaded, message)
    }
}

const GONE: &str = "no connection has this id: it has ended; the list is `GET /connections`";

const NO_MESSAGE: &str = "there is no message at this position: it is of another run of the server, or not published yet";

const NO_CHANNEL: &str =
    "it is not known any more in which channel this message was; say it with the parameter channel";

/// Connections on one page, without the parameter.
const LIMIT: usize = 100;
