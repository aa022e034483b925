//! `ringback store copy`: from SQLite to PostgreSQL.

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressStyle};
use ringback_store::{Copied, CopyError, LedgerReport, Role, copy_sqlite};

use crate::args::store::CopyArgs;
use crate::config::key::beside;
use crate::config::store::{StoreOptions, StoreSettings, StoreUrl};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::open_store::must_exist;
use crate::output;

pub(super) async fn run(args: CopyArgs) -> Outcome {
    let from = StoreSettings::named("--from", &args.from, args.key_file.clone())?;
    let mut to = StoreSettings::named("--to", &args.to, args.key_file.clone())?;
    let (StoreUrl::Sqlite(path), StoreUrl::Postgres(_)) = (&from.url, &to.url) else {
        return Err(Failure::usage("a store is copied from sqlite:PATH to postgres://…"));
    };
    must_exist(&from.url)?;
    if !from.key.is_given() {
        to.key = beside(path);
    }
    let (StoreOptions::Sqlite(source), StoreOptions::Postgres(target)) =
        (from.options(Role::Admin).await?, to.options(Role::Admin).await?)
    else {
        return Err(Failure::usage("a store is copied from sqlite:PATH to postgres://…"));
    };

    // It shows on a terminal only.
    let bar = ProgressBar::new(0).with_style(style());
    let outcome = copy_sqlite(source, *target, |progress| {
        bar.set_length(progress.of);
        bar.set_position(progress.copied);
    })
    .await;
    bar.finish_and_clear();
    let told = match outcome.map_err(failure)? {
        Copied::Before => output::say(
            "This store was copied there before, and has not changed since: there is nothing left to do.",
        )
        .map_err(copied),
        Copied::Now { anew, source, target } => tell(anew, &source, &target),
    };
    if !from.key.is_given() {
        output::note(format_args!(
            "give every node the key that is beside the source: --key-file {}.key",
            path.display()
        ));
    }
    told
}

fn tell(anew: bool, source: &LedgerReport, target: &LedgerReport) -> Outcome {
    if anew {
        output::note("the source had changed since the copy broke off, so all of it was copied anew");
    }
    if let Some(one) = source.discrepancies.first() {
        let what = &one.what;
        let wrong = anyhow!("the copy is there, but something was wrong in the source already: {what}");
        return Err(Failure::new(ExitCode::Partly, wrong.context("see ringback verify")));
    }
    output::say(format_args!(
        "copied: {} accounts, {} messages that were accepted, {} of them pending. Both stores are verified and say the same.",
        target.accounts, target.counts.accepted, target.counts.pending
    ))
    .map_err(copied)
}

/// A copy is not undone because it can't be told of.
fn copied(untold: Failure) -> Failure {
    untold.and("the store is copied")
}

fn failure(error: CopyError) -> Failure {
    let code = match &error {
        CopyError::NotEmpty { .. } => ExitCode::Usage,
        CopyError::Source(_) | CopyError::Read(_) | CopyError::Changed => ExitCode::Store,
        CopyError::Differs(_) => ExitCode::Partly,
        CopyError::Target(_) | CopyError::Write(_) => ExitCode::Unreachable,
    };
    Failure::new(code, error)
}

fn style() -> ProgressStyle {
    let template = "{bar:40} {human_pos}/{human_len} rows, {per_sec}, {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
