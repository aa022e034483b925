//! `ringback messages show`: a message's life.

use ringback_wire::api::{AttemptView, MessageState, MessageView};

use super::why;
use crate::args::messages::ShowArgs;
use crate::failure::Outcome;
use crate::{output, target};

pub(super) async fn run(args: ShowArgs) -> Outcome {
    let client = target::client(&args.connection)?;
    let message = client.messages().show(&args.id).await?.into_result();
    if args.json {
        return output::say_json(&message);
    }
    let why = why::sentence(&message);
    output::say(format_args!("{}\n\n{}\n\n{why}", head(&message), timeline(&message).join("\n")))
}

fn head(message: &MessageView) -> String {
    format!("{}\n{} of {}, number {}", message.id, message.kind, message.account, message.sequence)
}

/// A line for each thing that happened, in order.
fn timeline(message: &MessageView) -> Vec<String> {
    let mut lines = vec![format!("{}  accepted", message.accepted_at)];
    let attempts = message.attempts.as_deref().unwrap_or_default();
    if attempts.len() < usize::try_from(message.attempt_count).unwrap_or(usize::MAX) {
        lines.push(format!("…  {} attempts in all, of which these are kept", message.attempt_count));
    }
    lines.extend(attempts.iter().map(attempt));
    match (message.state, &message.finished_at, &message.next_attempt_at) {
        (MessageState::Pending, _, Some(next)) => lines.push(format!("{next}  next attempt")),
        (MessageState::Pending, ..) => {}
        (state, Some(at), _) => lines.push(format!("{at}  {state}")),
        (state, None, _) => lines.push(format!("…  {state}")),
    }
    lines
}

fn attempt(attempt: &AttemptView) -> String {
    let AttemptView { attempt: number, started_at, duration_ms, .. } = attempt;
    let mut line = format!("{started_at}  attempt {number}: {} after {duration_ms} ms", why::result(attempt));
    if let Some(endpoint) = &attempt.endpoint {
        line.push_str(&format!(", {endpoint}"));
    }
    if attempt.replay {
        line.push_str(", a replay");
    }
    if let Some(excerpt) = attempt.excerpt.as_deref().filter(|excerpt| !excerpt.is_empty()) {
        line.push_str(&format!(", said {:?}", one_line(excerpt)));
    }
    line
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(80).collect()
}
