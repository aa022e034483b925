//! `ringback messages replay`.

use ringback_wire::api::{ReplayAnswer, ReplayRequest};

use crate::args::messages::ReplayArgs;
use crate::failure::{Failure, Outcome};
use crate::{output, target};

pub(super) async fn run(args: ReplayArgs) -> Outcome {
    let messages = target::client(&args.connection)?.messages();
    let answer = match (&args.id, &args.account) {
        (Some(id), _) => messages.replay(id).await?.into_result(),
        (None, Some(account)) => {
            let request = ReplayRequest {
                state: args.state,
                since: args.since.map(|since| since.to_string()),
                until: args.until.map(|until| until.to_string()),
                dry_run: args.dry_run,
            };
            messages.replay_account(account, &request).await?.into_result()
        }
        (None, None) => return Err(Failure::usage("give a message's id or --account")),
    };
    if args.json { output::say_json(&answer) } else { output::say(words(&answer)) }
}

fn words(answer: &ReplayAnswer) -> String {
    let messages = match (answer.count, answer.at_least) {
        (1, false) => "1 message".to_owned(),
        (count, false) => format!("{count} messages"),
        (count, true) => format!("at least {count} messages"),
    };
    match (&answer.id, answer.dry_run) {
        (Some(id), _) if answer.count == 0 => format!("{id} waits already: it is tried now"),
        (Some(id), _) => format!("{id} is sent again"),
        (None, true) => format!("{messages} would be sent again"),
        (None, false) => format!("sending {messages} again"),
    }
}
