//! `ringback messages list`.

use ringback_wire::api::{MessageList, MessageSearch, MessageView};

use crate::args::messages::ListArgs;
use crate::failure::Outcome;
use crate::table::Table;
use crate::{output, target};

/// Messages that are asked for at once.
const PAGE: u32 = 100;
/// Pages with nothing found on them that are read in a row; then the list ends with a cursor.
const EMPTY_PAGES: u32 = 100;

pub(super) async fn run(args: ListArgs) -> Outcome {
    let messages = target::client(&args.connection)?.messages();
    let mut search = MessageSearch {
        account: args.account,
        state: args.state,
        kind: args.kind,
        since: args.since.map(|since| since.to_string()),
        until: args.until.map(|until| until.to_string()),
        upgrade_id: args.upgrade_id,
        device: args.device,
        cursor: args.cursor,
        limit: None,
    };
    let wanted = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut found: Vec<MessageView> = Vec::new();
    let mut empty_pages = 0;
    loop {
        let missing = u32::try_from(wanted - found.len()).unwrap_or(PAGE);
        search.limit = Some(missing.min(PAGE));
        let MessageList { messages, next } = messages.search(&search).await?.into_result();
        // A page can be empty and yet not the last: the server looks at so many rows at a time.
        empty_pages = if messages.is_empty() { empty_pages + 1 } else { 0 };
        found.extend(messages);
        search.cursor = next;
        if search.cursor.is_none() || found.len() >= wanted || empty_pages == EMPTY_PAGES {
            break;
        }
    }
    show(found, search.cursor, args.json)
}

fn show(messages: Vec<MessageView>, next: Option<String>, json: bool) -> Outcome {
    if json {
        return output::say_json(&MessageList { messages, next });
    }
    if messages.is_empty() {
        output::note("no message was found");
    } else {
        let mut table = Table::new(&["ACCEPTED", "ACCOUNT", "SEQ", "TYPE", "STATE", "TRIES", "ID"]);
        for one in messages {
            table.row([
                one.accepted_at,
                one.account,
                one.sequence.to_string(),
                one.kind.to_string(),
                one.state.to_string(),
                one.attempt_count.to_string(),
                one.id,
            ]);
        }
        output::say(table)?;
    }
    if let Some(next) = next {
        output::note(format_args!("there may be more: --cursor {next}"));
    }
    Ok(())
}
