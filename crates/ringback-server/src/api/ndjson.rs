//! Publishing many messages in one request: a line each, answered by a line each, in order.
//!
//! The body is read whole and the answers are buffered, both bounded, so a client may send everything before it reads.
//! Messages go to the store in chunks, in order, each chunk one commit. A bad line fails alone. After the first line that
//! was refused for want of room (429) or whose fate is unknown (503), nothing more is handed over, and the lines that
//! were not get the same answer, so that sending them again keeps the order.

use std::time::Instant;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode};
use ringback_store::NewMessage;
use ringback_wire::error_code;
use ringback_wire::publish::{
    IDEMPOTENCY_KEY_HEADER, LineOutcome, NDJSON_CONTENT_TYPE, NdjsonLine, line_count, numbered_lines,
};

use super::principal::Principal;
use super::problem::Problem;
use super::state::ApiState;
use super::{admission, answer, body};
use crate::trace::PublishSpan;

/// Takes the lines of a request in.
pub(super) async fn publish(
    state: &ApiState,
    principal: &Principal,
    headers: HeaderMap,
    body: Body,
    span: &mut PublishSpan,
) -> Result<Response, Problem> {
    let limits = &state.limits;
    if headers.contains_key(IDEMPOTENCY_KEY_HEADER) {
        return Err(Problem::invalid(
            error_code::IDEMPOTENCY_KEY_INVALID,
            "with NDJSON each line has its own idempotencyKey: leave the header Idempotency-Key out",
        ));
    }
    let room = state.ndjson.enter(principal.credential);
    let Ok(_room) = tokio::time::timeout(limits.body_timeout, room).await else {
        return Err(Problem::busy(error_code::TOO_MANY_REQUESTS, "too many NDJSON requests at once"));
    };
    let bytes = body::read(headers, body, limits.ndjson_bytes, limits).await?;
    if bytes.trim_ascii().is_empty() {
        return Err(Problem::invalid(
            error_code::REQUEST_UNDEFINED,
            "the body is empty: it must be one message on each line",
        ));
    }
    if line_count(&bytes) > limits.ndjson_lines {
        return Err(Problem::too_large("the body", limits.ndjson_lines, "lines"));
    }
    let mut batch = Batch::new(state, principal, span);
    for (number, line) in numbered_lines(&bytes) {
        batch.take(number, line);
        if batch.is_full() {
            batch.hand_over().await;
        }
    }
    batch.hand_over().await;
    Ok(answer::with_type(StatusCode::OK, HeaderValue::from_static(NDJSON_CONTENT_TYPE), batch.answers))
}

/// The chunk that is being gathered, and the answers so far.
struct Batch<'a> {
    state: &'a ApiState,
    principal: &'a Principal,
    /// The request, as a span of the trace that all lines came in.
    span: &'a mut PublishSpan,
    /// The chunk's messages, to be handed over together.
    messages: Vec<NewMessage>,
    bytes: usize,
    /// The chunk's lines, in order: answered already, or with the next of `messages`.
    lines: Vec<(u64, Option<Problem>)>,
    /// What every line gets from here on.
    stopped: Option<Problem>,
    answers: Vec<u8>,
}

impl<'a> Batch<'a> {
    fn new(state: &'a ApiState, principal: &'a Principal, span: &'a mut PublishSpan) -> Self {
        Self {
            state,
            principal,
            span,
            messages: Vec::new(),
            bytes: 0,
            lines: Vec::new(),
            stopped: None,
            answers: Vec::new(),
        }
    }

    /// Reads one line.
    fn take(&mut self, number: u64, line: &[u8]) {
        if let Some(problem) = &self.stopped {
            self.state.metrics.refused(problem.status());
            write(&mut self.answers, number, problem.status(), LineOutcome::Error(problem.body()));
            return;
        }
        self.bytes += line.len();
        let problem = match self.read(line) {
            Ok(message) => {
                self.messages.push(message);
                None
            }
            Err(problem) => Some(problem),
        };
        self.lines.push((number, problem));
    }

    fn read(&self, line: &[u8]) -> Result<NewMessage, Problem> {
        let most = self.state.limits.message_bytes;
        if line.len() > most {
            return Err(Problem::too_large("the message", most, "bytes"));
        }
        admission::read_message(line, None, self.span.trace(), self.principal)
    }

    fn is_full(&self) -> bool {
        let limits = &self.state.limits;
        self.lines.len() >= limits.ndjson_chunk || self.bytes >= limits.ndjson_chunk_bytes
    }

    /// Hands the chunk to the store and writes its answers.
    async fn hand_over(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        self.bytes = 0;
        let admitted = if messages.is_empty() {
            // Others have their turn here too.
            tokio::task::yield_now().await;
            Ok(Vec::new())
        } else {
            let began = Instant::now();
            if !admission::give_way(self.state, messages.len()).await {
                admission::give_way_elsewhere(self.state, &messages).await;
            }
            let accepted = self.state.store.accept(self.state.clock.now(), messages).await;
            self.state.metrics.accepted_in(began.elapsed());
            accepted.map_err(|error| admission::unknown(&error))
        };
        let mut admissions = admitted.as_ref().map(|admissions| admissions.iter()).map_err(Problem::clone);
        for (number, problem) in self.lines.drain(..) {
            let said = match (problem, &mut admissions) {
                (Some(problem), _) => Err(problem),
                (None, Err(unknown)) => Err(unknown.clone()),
                (None, Ok(admissions)) => {
                    admissions.next().ok_or_else(Problem::unexpected).and_then(|admission| {
                        self.span.admitted(admission);
                        admission::answer(admission)
                    })
                }
            };
            match said {
                Ok((status, said)) => write(&mut self.answers, number, status, LineOutcome::Answer(said)),
                Err(problem) => {
                    self.state.metrics.refused(problem.status());
                    write(&mut self.answers, number, problem.status(), LineOutcome::Error(problem.body()));
                    if self.stopped.is_none() && stops(problem.status()) {
                        self.stopped = Some(problem);
                    }
                }
            }
        }
    }
}

/// Whether nothing more is handed over after a line with this status.
fn stops(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

fn write(answers: &mut Vec<u8>, line: u64, status: StatusCode, outcome: LineOutcome) {
    let said = NdjsonLine { line, code: status.as_u16(), outcome };
    // Writing one of the wire's models into memory can't fail.
    let _ = serde_json::to_writer(&mut *answers, &said);
    answers.push(b'\n');
}
