//! Requests that read: history, presence, the list of channels.

use super::{WorkerData, check_room, json_answer};
use crate::{
    access::{Caller, Identity},
    problem::ProblemResponse,
    query::Query,
    worker_context::WorkerContext,
};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::{collections::BTreeMap, future::poll_fn, task::ready};
use tidewire_broker::{ChannelSummary, Pattern, Position};
use tidewire_connection::{Format, Page, PageReading, PageRequest, PresencePage, Span};

/// `GET /channels/{channel}/messages`: a page of what is retained; a pattern works too.
///
/// With `before` the newest messages before it, otherwise the oldest after `since`.
pub(super) async fn messages(
    query: Query,
    channel: web::Path<String>,
    (caller, identity): (Caller, Identity),
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let grant = caller.reader_grant(&identity);
    let permit = grant.permit_subscribe(&channel.parse()?)?;
    let history = grant.permit_history()?;
    let span = Span::parse(query.one("since"), query.one("before"), query.one("until"))?;
    let (limit, format) = (query.limit()?, query.format(Format::Json)?);
    let request = PageRequest { permit, history, span, limit };
    check_room(&worker_context)?;
    let page = read(request, &worker_context).await;
    let mut body = Vec::new();
    page.write_json(format, &worker_context.broker, &mut body);
    Ok(json_answer(body))
}

/// `GET /channels/{channel}/presence`: a page of the members.
pub(super) async fn presence(
    query: Query,
    channel: web::Path<String>,
    (caller, identity): (Caller, Identity),
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let permit = caller.reader_grant(&identity).permit_presence(&channel.parse()?)?;
    let since = query.one("since").map(str::parse).transpose()?;
    check_room(&worker_context)?;
    let request = PresencePage::request(&permit, since, query.limit()?, &worker_context.broker)?;
    let page = PresencePage::new(permit.channel().clone(), read(request, &worker_context).await);
    let mut body = Vec::new();
    page.write_json(&worker_context.broker, &mut body);
    Ok(json_answer(body))
}

/// Reads a page, a part in each turn.
async fn read(request: PageRequest, worker_context: &WorkerContext) -> Page {
    let (broker, limits) = (&worker_context.broker, worker_context.limits());
    let mut reading = PageReading::new(request, broker, &limits, worker_context.clock.now());
    let mut turn = worker_context.request_turns.claim();
    poll_fn(|context| {
        ready!(turn.poll(context));
        turn.end();
        reading.poll(broker, &limits, context.waker())
    })
    .await
}

#[derive(Serialize)]
struct Listing {
    channels: Vec<Row>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct Row {
    channel: String,
    messages: usize,
    bytes: usize,
    appended: u64,
    position: Position,
}

/// `GET /channels`: channels that hold messages or are followed, by name, a page at a time. Others than those that the
/// sender may subscribe to are as if they were not there, unless it is an operator.
pub(super) async fn list(
    query: Query,
    (caller, identity): (Caller, Identity),
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let grant = caller.reader_grant(&identity);
    let pattern = query.one("pattern").map(str::parse::<Pattern>).transpose()?;
    let limit = query.limit()?.unwrap_or(LIST_ROWS).min(LIST_ROWS_MAX);
    let after = query.one("after").unwrap_or_default();
    check_room(&worker_context)?;
    // One row more than a page has shows whether there is a next page.
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    worker_context.broker.each_channel(|summary| {
        let name = summary.name.as_str();
        let is_active = summary.messages > 0 || summary.is_followed;
        let is_wanted = pattern.as_ref().is_none_or(|pattern| pattern.matches(&summary.name));
        // Last, as it costs most.
        let is_for_sender =
            || identity.is_admin() || grant.permit_subscribe(&summary.name.clone().into()).is_ok();
        if is_active && is_wanted && name > after && is_for_sender() {
            rows.insert(name.to_owned(), row(&summary));
            if rows.len() > limit + 1 {
                rows.pop_last();
            }
        }
    });
    let has_more = rows.len() > limit;
    let channels: Vec<Row> = rows.into_values().take(limit).collect();
    let next = channels.last().filter(|_| has_more).map(|row| row.channel.clone());
    Ok(json_answer(serde_json::to_vec(&Listing { channels, next }).unwrap_or_default()))
}

fn row(summary: &ChannelSummary) -> Row {
    Row {
        channel: summary.name.to_string(),
        messages: summary.messages,
        bytes: summary.bytes,
        appended: summary.appended,
        position: summary.last,
    }
}

const LIST_ROWS: usize = 100;
const LIST_ROWS_MAX: usize = 1_000;
