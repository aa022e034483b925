//! `ringback messages publish`: one message, or a file of them.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use ringback_wire::publish::{
    LineOutcome, MAX_NDJSON_BYTES, MAX_NDJSON_LINES, NDJSON_CONTENT_TYPE, NdjsonLine, PublishAnswer,
    PublishStatus,
};
use ringback_wire::routes;
use serde_json::value::RawValue;

use super::stdin;
use crate::args::messages::{MessagesCommand, PublishArgs};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::http_client::ApiClient;
use crate::output;
use crate::target::Target;

pub(super) async fn run(command: MessagesCommand) -> Outcome {
    let MessagesCommand::Publish(args) = command;
    publish(args).await
}

async fn publish(args: PublishArgs) -> Outcome {
    let target = Target::find(&args.connection)?;
    let bytes = read(args.file.as_deref()).await?;
    let client = ApiClient::connect(target).await?;
    if serde_json::from_slice::<&RawValue>(&bytes).is_ok() {
        publish_one(&client, bytes, args.json).await
    } else {
        publish_many(&client, bytes, args.json).await
    }
}

async fn read(file: Option<&Path>) -> Outcome<Bytes> {
    let most = u64::try_from(MAX_NDJSON_BYTES).unwrap_or(u64::MAX);
    let bytes = match file.filter(|path| path.as_os_str() != "-") {
        Some(path) => std::fs::read(path)
            .with_context(|| format!("{} can't be read", path.display()))
            .map_err(|error| Failure::new(ExitCode::Usage, error))?,
        None => stdin::all(most).await?,
    };
    if bytes.trim_ascii().is_empty() {
        return Err(Failure::usage("there is no message to publish"));
    }
    if bytes.len() > MAX_NDJSON_BYTES
        || bytes.iter().filter(|byte| **byte == b'\n').count() > MAX_NDJSON_LINES
    {
        return Err(Failure::usage(format_args!(
            "at most {MAX_NDJSON_LINES} lines and {MAX_NDJSON_BYTES} bytes are published at once: split the file"
        )));
    }
    Ok(bytes.into())
}

async fn publish_one(client: &ApiClient, bytes: Bytes, json: bool) -> Outcome {
    let body = client.post_bytes(routes::MESSAGES_PATH, "application/json", bytes).await?;
    let answer: PublishAnswer = serde_json::from_slice(&body).context("the answer can't be read")?;
    if json {
        output::say_json(&answer)
    } else {
        output::say(words(&answer))
    }
    Ok(())
}

async fn publish_many(client: &ApiClient, bytes: Bytes, json: bool) -> Outcome {
    let body = client.post_bytes(routes::MESSAGES_PATH, NDJSON_CONTENT_TYPE, bytes).await?;
    let (mut all, mut refused) = (0_u64, 0_u64);
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let line: NdjsonLine = serde_json::from_slice(line).context("the answer can't be read")?;
        all += 1;
        refused += u64::from(matches!(line.outcome, LineOutcome::Error(_)));
        if json {
            output::say_json(&line);
            continue;
        }
        match &line.outcome {
            LineOutcome::Answer(answer) => output::say(format_args!("line {}: {}", line.line, words(answer))),
            LineOutcome::Error(error) => {
                output::say(format_args!("line {}: {} {error}", line.line, line.code))
            }
        }
    }
    if refused > 0 {
        return Err(Failure::new(
            ExitCode::Partly,
            anyhow!("{refused} of {all} messages were not published"),
        ));
    }
    Ok(())
}

fn words(answer: &PublishAnswer) -> String {
    let id = answer.id.as_deref().unwrap_or("?");
    let sequence = answer.sequence.unwrap_or_default();
    match answer.status {
        PublishStatus::Queued => format!("queued as #{sequence}, id {id}"),
        PublishStatus::Duplicate => format!("published before as #{sequence}, id {id}"),
        PublishStatus::Unregistered => "not kept: nothing is registered for the account".to_owned(),
    }
}
