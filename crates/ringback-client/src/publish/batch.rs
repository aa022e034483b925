//! Many messages in one request, a line each, and the answers to it, a line each.

use bytes::{BufMut as _, BytesMut};
use http::Method;
use ringback_wire::publish::{MAX_NDJSON_BYTES, MAX_NDJSON_LINES, NDJSON_CONTENT_TYPE, NdjsonLine};
use ringback_wire::routes::MESSAGES_PATH;
use serde::de::Error as _;

use crate::call::Call;
use crate::{Error, InvalidArgument, OutgoingMessage, RawResponse, decode};

/// The request for some messages.
pub(crate) fn call(messages: &[OutgoingMessage]) -> Result<Call, InvalidArgument> {
    let wrong = |problem: String| InvalidArgument::new("messages", problem);
    if messages.is_empty() {
        return Err(wrong("must be one at least".to_owned()));
    }
    if messages.len() > MAX_NDJSON_LINES {
        return Err(wrong(format!("must be {MAX_NDJSON_LINES} at most in one request")));
    }
    let mut body = BytesMut::new();
    for message in messages {
        body.extend_from_slice(&message.to_json());
        body.put_u8(b'\n');
    }
    if body.len() > MAX_NDJSON_BYTES {
        return Err(wrong(format!("must have {MAX_NDJSON_BYTES} bytes at most in one request")));
    }
    let mut call = Call::new(Method::POST, MESSAGES_PATH.to_owned());
    // The answer is NDJSON, an error is JSON.
    call.accept = Some("application/x-ndjson, application/json");
    Ok(call.body(NDJSON_CONTENT_TYPE, body.freeze()).repeatable())
}

/// Reads the answers: one for each message, in order.
pub(crate) fn read(request: &str, response: &RawResponse, messages: usize) -> Result<Vec<NdjsonLine>, Error> {
    let wrong = |problem: String| decode::unreadable(request, response, serde_json::Error::custom(problem));
    let mut lines = Vec::with_capacity(messages);
    for text in response.body().split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let number = lines.len() as u64 + 1;
        let line: NdjsonLine =
            serde_json::from_slice(text).map_err(|error| wrong(format!("answer {number}: {error}")))?;
        if line.line != number {
            return Err(wrong(format!("answer {number} is for line {}", line.line)));
        }
        lines.push(line);
    }
    if lines.len() != messages {
        return Err(wrong(format!("{messages} messages got {} answers", lines.len())));
    }
    Ok(lines)
}
