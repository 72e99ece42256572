//! Publishing many messages in one request, in parts: a large batch takes a turn for each.

use super::{
    WorkerData, account, count_publish, json_answer,
    publish::{read_body, submit},
};
use crate::{
    access::{Caller, Identity},
    in_flight::{Account, Full, Held},
    limits::Exceeded,
    problem::ProblemResponse,
    query::Query,
    request_turns::RequestTurn,
    traces::RequestTrace,
    worker_context::WorkerContext,
};
use actix_web::{HttpRequest, HttpResponse, web};
use std::{
    future::poll_fn,
    task::{Poll, ready},
};
use tidewire_broker::Grant;
use tidewire_connection::prepare_publish;
use tidewire_protocol::{
    BatchError, BatchReader, BatchResult, BatchStep, ErrorCode, ItemError, Publish,
};

/// `POST /publish`: many messages, in their order, each answered for itself.
///
/// It is read to its end before the first is published: what is no batch changes nothing. Of a large one only a part is
/// held as messages at a time, so all but the first are read twice.
pub(super) async fn batch(
    request: HttpRequest,
    query: Query,
    payload: web::Payload,
    (caller, identity): (Caller, Identity),
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let account = account(&request, &identity, &worker_context);
    let grant = caller.publisher_grant(&identity)?.on_account(account);
    worker_context.admission.check()?;
    check_names(&request, &query)?;
    let (body, _held) =
        read_body(&request, payload, worker_context.http.batch_bytes_max, &worker_context).await?;
    let mut turn = worker_context.request_turns.claim();
    let message_bytes_max = worker_context.limits().request_bytes_max();
    let mut reader = BatchReader::new(body.bytes(), message_bytes_max);
    let mut part = Part::read(&mut reader)?;
    let mut rest = reader.clone();
    if !part.is_last {
        read_to_end(&mut reader, &mut turn).await?;
    }
    let mut answer = Answer::begin(&worker_context.http.in_flight.output, reader.count())?;
    loop {
        let admit = || count_publish(&request, &identity, &worker_context);
        let of_each = (RequestTrace::of(&request), admit);
        publish(&part, &grant, &worker_context, of_each, &mut answer).await?;
        if part.is_last {
            return Ok(json_answer(answer.end()));
        }
        next_turn(&mut turn).await;
        part = Part::read(&mut rest)?;
    }
}

/// Some messages of a batch that follow each other.
struct Part<'a> {
    messages: Vec<Result<Publish<'a>, TooLong>>,
    is_last: bool,
}

impl<'a> Part<'a> {
    /// As much as one turn reads.
    fn read(batch: &mut BatchReader<'a>) -> Result<Self, ProblemResponse> {
        let mut part = Self { messages: Vec::new(), is_last: false };
        let mut budget = PART_BYTES;
        while part.messages.len() < PART_MESSAGES {
            match batch.read(&mut budget).map_err(|error| no_batch(&error))? {
                BatchStep::Message(message) => part.messages.push(Ok(message)),
                BatchStep::TooLong { bytes } => part.messages.push(Err(TooLong { bytes })),
                BatchStep::Unfinished => break,
                BatchStep::End => {
                    part.is_last = true;
                    break;
                }
            }
        }
        Ok(part)
    }
}

/// Finds out whether this is a batch, a part in each turn.
async fn read_to_end(
    batch: &mut BatchReader<'_>,
    turn: &mut RequestTurn,
) -> Result<(), ProblemResponse> {
    loop {
        next_turn(turn).await;
        if Part::read(batch)?.is_last {
            return Ok(());
        }
    }
}

async fn next_turn(turn: &mut RequestTurn) {
    poll_fn(|context| {
        ready!(turn.poll(context));
        turn.end();
        Poll::Ready(())
    })
    .await;
}

async fn publish(
    part: &Part<'_>,
    grant: &Grant,
    worker_context: &WorkerContext,
    (trace, admit): (RequestTrace, impl Fn() -> Result<(), Exceeded>),
    answer: &mut Answer,
) -> Result<(), ProblemResponse> {
    // All are handed over before the first is waited for: an engine may sync them together.
    let publishing: Vec<Result<_, ProblemResponse>> = part
        .messages
        .iter()
        .map(|message| {
            let message = message.as_ref().map_err(|too_long| *too_long)?;
            let (permit, mut draft) = prepare_publish(message, grant)?;
            trace.note(&mut draft);
            admit()?;
            Ok(submit(permit, draft, worker_context)?)
        })
        .collect();
    for one in publishing {
        let outcome = match one {
            Ok(publishing) => publishing.await.map_err(ProblemResponse::from),
            Err(problem) => Err(problem),
        };
        let refused = outcome.as_ref().err().map(|problem| problem.code);
        let metrics = &worker_context.metrics.connections;
        metrics.count_publish(refused);
        refused.into_iter().for_each(|code| metrics.refusals.add(code, 1));
        answer.add(&match outcome {
            Ok(position) => BatchResult::Published { position },
            Err(ProblemResponse { code, detail, .. }) => {
                BatchResult::Refused { error: ItemError::new(code, detail) }
            }
        });
    }
    answer.count()
}

/// The answer to a batch as it grows, on the account of output.
struct Answer {
    json: Vec<u8>,
    held: Held,
    answered: usize,
    messages: usize,
}

impl Answer {
    /// Begins the answer to `messages` messages, if there is room for one that accepts all of them.
    fn begin(account: &Account, messages: usize) -> Result<Self, Full> {
        account.check(messages * RESULT_BYTES)?;
        Ok(Self { json: BEGIN.to_vec(), held: account.open(), answered: 0, messages })
    }

    fn add(&mut self, result: &BatchResult) {
        if self.answered > 0 {
            self.json.push(b',');
        }
        self.answered += 1;
        self.json.extend(serde_json::to_vec(result).unwrap_or_default());
    }

    /// Counts what it takes by now.
    ///
    /// # Errors
    ///
    /// There is no room for it: what has been done so far is said instead.
    fn count(&mut self) -> Result<(), ProblemResponse> {
        self.held.hold(self.json.capacity()).map_err(|full| {
            let (answered, messages) = (self.answered, self.messages);
            let message = format!(
                "the answer to this batch finds no room: {full}. The first {answered} of its {messages} messages are \
                 published or refused, the others are not published; with a message_id each can be sent again"
            );
            ProblemResponse::new(ErrorCode::Unavailable, message)
        })
    }

    fn end(mut self) -> Vec<u8> {
        self.json.extend_from_slice(b"]}");
        self.json
    }
}

/// Refuses what is said of one message beside a batch, where it would be lost.
fn check_names(request: &HttpRequest, query: &Query) -> Result<(), ProblemResponse> {
    let names = [
        ("Idempotency-Key", "idempotency_key", "message_id"),
        ("Key", "key", "key"),
        ("Event", "event", "event"),
    ];
    for (header, parameter, field) in names {
        if request.headers().contains_key(header) || query.one(parameter).is_some() {
            let message = format!(
                "{header} is of one message; in a batch each has its own, as {field:?} beside its \
                 \"channel\""
            );
            return Err(ProblemResponse::new(ErrorCode::BadRequest, message));
        }
    }
    Ok(())
}

fn no_batch(error: &BatchError) -> ProblemResponse {
    let message = format!(
        "the body is not a batch: {error}; it is {{\"messages\":[{{\"channel\":…,\"data\":…}}]}}"
    );
    ProblemResponse::new(ErrorCode::BadRequest, message)
}

/// A message of a batch takes more bytes than any channel allows.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the message takes {bytes} bytes of JSON; at most twice the largest message_bytes_max are allowed"
)]
struct TooLong {
    bytes: usize,
}

impl From<TooLong> for ProblemResponse {
    fn from(too_long: TooLong) -> Self {
        Self::new(ErrorCode::PayloadTooLarge, too_long.to_string())
    }
}

const BEGIN: &[u8] = br#"{"results":["#;

/// Messages of a batch that are read and published in a turn.
const PART_MESSAGES: usize = 256;

/// Bytes of a batch that are read in a turn, and the message that passes them.
const PART_BYTES: usize = 64 << 10;

/// The answer to a message that is published, at most.
const RESULT_BYTES: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{in_flight::InFlight, request_turns::RequestTurns};
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    /// A batch of about eight megabytes.
    fn large(messages: usize) -> Vec<u8> {
        let data = "x".repeat((8 << 20) / messages - 40);
        let message = format!(r#"{{"channel":"a","data":"{data}"}}"#);
        format!(r#"{{"messages":[{}]}}"#, vec![message; messages].join(",")).into_bytes()
    }

    #[test]
    fn a_turn_reads_a_small_part_of_a_large_batch() {
        for messages in [10_000, 1_000, 8] {
            let text = large(messages);
            let mut reader = BatchReader::new(&text, 2 << 20);
            let (mut parts, mut read) = (0, 0);
            loop {
                let part = Part::read(&mut reader).map_err(|error| error.to_string()).unwrap();
                assert!(part.messages.len() <= 256);
                let bytes = part.messages.len() * (text.len() / messages);
                assert!(bytes <= (64 << 10) + (8 << 20) / messages, "{bytes} bytes");
                (parts, read) = (parts + 1, read + part.messages.len());
                if part.is_last {
                    break;
                }
            }
            assert_eq!(read, messages);
            assert!(parts >= text.len() / (64 << 10), "{parts} parts");
        }
    }

    #[test]
    fn a_large_batch_takes_a_turn_for_each_part() {
        let text = large(10_000);
        let turns = RequestTurns::by_rounds();
        let (mut reader, mut turn) = (BatchReader::new(&text, 2 << 20), turns.claim());
        let (mut reading, mut rounds) = (pin!(read_to_end(&mut reader, &mut turn)), 0);
        while reading.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            turns.begin_round();
            rounds += 1;
            assert!(rounds < 100_000);
        }
        // A round has sixteen turns at most.
        assert!(rounds >= text.len() / (64 << 10) / 16, "{rounds} rounds");
    }

    #[test]
    fn an_answer_that_finds_no_room_says_how_far_the_batch_has_come() {
        let accounts = InFlight::new(1 << 20, 1 << 20);
        let full = Answer::begin(&accounts.output, 100_000).map(drop).unwrap_err();
        assert!(full.to_string().contains("output_bytes_max"), "{full}");
        let mut answer = Answer::begin(&accounts.output, 5_000).map_err(drop).unwrap();
        let refused =
            BatchResult::Refused { error: ItemError::new(ErrorCode::BadChannel, "x".repeat(200)) };
        let error = (0..5_000).find_map(|_| {
            answer.add(&refused);
            answer.count().err()
        });
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        let answered = answer.answered;
        assert!(error.contains(&format!("The first {answered} of its 5000 messages")), "{error}");
        assert!(answer.json.len() < 300 << 10, "{} bytes", answer.json.len());
        assert_ne!(accounts.output.held(), 0);
        drop(answer);
        assert_eq!(accounts.output.held(), 0);
    }
}
