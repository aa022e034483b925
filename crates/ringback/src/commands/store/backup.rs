//! `ringback store backup`: a copy of a store that is in use.

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use ringback_store::sqlite::{BackupError, back_up};

use crate::args::store::BackupArgs;
use crate::config::store::{StoreSettings, StoreUrl};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::open_store::must_exist;
use crate::output;

pub(super) async fn run(args: BackupArgs) -> Outcome {
    let StoreSettings { url, .. } = StoreSettings::named("--store", &args.store, None)?;
    must_exist(&url)?;
    let StoreUrl::Sqlite(database) = url else {
        return Err(Failure::usage(
            "a PostgreSQL database is backed up by PostgreSQL's own tools, such as pg_basebackup",
        ));
    };
    let to = args.to.clone();
    let copying = tokio::task::spawn_blocking(move || {
        // It shows on a terminal only.
        let bar = ProgressBar::new(0).with_style(style());
        let copied = back_up(&database, &to, |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        copied
    });
    let copied = copying.await.context("the copying broke off")?;
    let bytes = copied.map_err(|error| {
        let code = match error {
            BackupError::Exists(_) => ExitCode::Usage,
            BackupError::NotOurs(_) => ExitCode::Configuration,
            BackupError::Read { .. } | BackupError::Write { .. } => ExitCode::Store,
        };
        Failure::new(code, error)
    })?;
    output::say(format_args!("{} holds {bytes} bytes; it does not hold the sealing key", args.to.display()))
}

fn style() -> ProgressStyle {
    let template = "{bar:40} {bytes}/{total_bytes}, {eta} left";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
