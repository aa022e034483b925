//! `ringback verify`: the ledger against the rows.

use anyhow::anyhow;
use ringback_store::{Counts, LedgerReport};
use serde::Serialize;

use crate::args::verify::VerifyArgs;
use crate::config::store::StoreSettings;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome, both};
use crate::open_store::open_existing_store;
use crate::output;

pub(super) async fn run(args: VerifyArgs) -> Outcome {
    let settings = StoreSettings::named("--store", &args.store, args.key_file)?;
    let report = open_existing_store(&settings).await?.verify().await?;
    let told = if args.json { output::say_json(&Report::of(&report)) } else { tell(&report) };
    let wrong = match report.discrepancies.len() {
        0 => return told,
        1 => anyhow!("1 thing is wrong in {}", args.store),
        many => anyhow!("{many} things are wrong in {}", args.store),
    };
    both(Err(Failure::new(ExitCode::Partly, wrong)), told)
}

fn tell(report: &LedgerReport) -> Outcome {
    let counts = &report.counts;
    let dropped = |dropped: u64| match dropped {
        0 => String::new(),
        dropped => format!(" (and {dropped} that are not kept any more)"),
    };
    let lines = [
        format!("accounts:  {}", report.accounts),
        format!("accepted:  {}", counts.accepted),
        format!("pending:   {}", counts.pending),
        format!("delivered: {}{}", counts.delivered, dropped(counts.dropped_delivered)),
        format!("dead:      {}{}", counts.dead, dropped(counts.dropped_dead)),
        format!("cancelled: {}{}", counts.cancelled, dropped(counts.dropped_cancelled)),
    ];
    output::say(lines.join("\n"))?;
    for one in &report.discrepancies {
        match one.account {
            Some(account) => output::say(format_args!("WRONG: {account}: {}", one.what))?,
            None => output::say(format_args!("WRONG: {}", one.what))?,
        }
    }
    if report.discrepancies.is_empty() {
        output::say("All is right: the counters say what the rows say, and every message is accounted for.")?;
    }
    Ok(())
}

/// What a script reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    accounts: u64,
    counts: LedgerCounts,
    discrepancies: Vec<Wrong>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LedgerCounts {
    accepted: u64,
    pending: u64,
    delivered: u64,
    dead: u64,
    cancelled: u64,
    dropped_delivered: u64,
    dropped_dead: u64,
    dropped_cancelled: u64,
}

#[derive(Serialize)]
struct Wrong {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    what: String,
}

impl Report {
    fn of(report: &LedgerReport) -> Self {
        let Counts {
            accepted,
            pending,
            delivered,
            dead,
            cancelled,
            dropped_delivered,
            dropped_dead,
            dropped_cancelled,
        } = report.counts;
        let wrong = report.discrepancies.iter().map(|one| Wrong {
            account: one.account.map(|account| account.to_string()),
            what: one.what.clone(),
        });
        Self {
            ok: report.discrepancies.is_empty(),
            accounts: report.accounts,
            counts: LedgerCounts {
                accepted,
                pending,
                delivered,
                dead,
                cancelled,
                dropped_delivered,
                dropped_dead,
                dropped_cancelled,
            },
            discrepancies: wrong.collect(),
        }
    }
}
