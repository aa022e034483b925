//! `ringback keys rotate`: from one sealing key to the next, while a server runs.
//!
//! The order is the safe one: the new key is in the store, sealed with the old one, before anything is sealed with it;
//! it is in its file before the old one is retired. Broken off anywhere, the store opens with the key that is in the
//! file, and the command resumes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use ringback_delivery::AccountId;
use ringback_store::{KeySource, Rotation, SealingKey, Store};

use crate::args::keys::{KeysCommand, RotateArgs};
use crate::config::key;
use crate::config::store::{StoreSettings, StoreUrl};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::open_store::{must_exist, open_existing_store};
use crate::{output, private_file, process};

/// How long the old key stays after the new one came, at least: servers look for new keys once a second.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn run(command: KeysCommand) -> Outcome {
    let KeysCommand::Rotate(args) = command;
    process::keep_memory_private();
    let mut settings = StoreSettings::named("--store", &args.store, args.key_file.clone())?;
    settings.key.command = args.key_command.clone();
    must_exist(&settings.url)?;
    // The database that the key is beside, if it is.
    let beside = match (&settings.url, settings.key.find().await?) {
        (StoreUrl::Sqlite(database), KeySource::Beside) => Some(database.clone()),
        _ => None,
    };
    let is_beside = beside.is_some();
    let new = new_key(&args, is_beside).await?;
    let store = open_existing_store(&settings).await?;

    let is_under_way = store.vault().keys_known().1 > 1;
    let new = match new {
        Some(key) => key,
        None if is_beside || is_under_way => SealingKey::generate().context("no key could be made")?,
        None => {
            return Err(Failure::configuration(
                "give the new key: --new-key-file, --new-key-command or RINGBACK_NEW_KEY",
            ));
        }
    };
    // A rotation is not broken off because it can't be told of.
    let begun = match store.begin_key_rotation(new.clone()).await? {
        Rotation::Begun => {
            output::say("The new key seals from now on; what the old one sealed is sealed anew.")
        }
        Rotation::UnderWay => output::say("A rotation that was broken off goes on."),
        Rotation::Present => return output::say("The store is sealed with this key already."),
    };
    let began = Instant::now();
    let values = reseal(store.as_ref()).await?;
    let kept = match &beside {
        Some(database) => put_beside(database, &store.vault().present_key())?,
        None => None,
    };
    tokio::time::sleep(HEARD_WITHIN.saturating_sub(began.elapsed())).await;
    store.end_key_rotation().await?;
    let what = if values == 1 { "value is" } else { "values are" };
    let ended =
        output::say(format_args!("{values} {what} sealed anew, and the old key opens nothing any more."));
    let advice = match kept {
        Some(kept) => format!(
            "Back-ups from before need the old key: it is in {}. Remove it when there are none.",
            kept.display()
        ),
        None if is_beside => return begun.and(ended),
        None => {
            "Start the server with the new key from now on. Back-ups from before need the old one.".to_owned()
        }
    };
    begun
        .and(ended)
        .and(output::say(&advice))
        .map_err(|untold| untold.and(format_args!("the keys are rotated: {advice}")))
}

/// The new key, where it is given.
async fn new_key(args: &RotateArgs, is_beside: bool) -> Outcome<Option<SealingKey>> {
    let place = key::Place { file: args.new_key_file.clone(), command: args.new_key_command.clone() };
    let new = match place.find_beside(key::NEW_KEY).await? {
        KeySource::Given(key) => Some(key),
        KeySource::Beside => None,
    };
    if new.is_some() && is_beside {
        return Err(Failure::configuration(
            "the key of this store is in the file beside its database, where a new one is made: give none",
        ));
    }
    Ok(new)
}

/// Walks through the accounts until a walk finds nothing to do.
async fn reseal(store: &dyn Store) -> Outcome<usize> {
    let mut values = 0;
    loop {
        let (mut walked, mut after): (usize, Option<AccountId>) = (0, None);
        loop {
            let step = store.reseal_step(after).await?;
            walked += step.values;
            match step.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        values += walked;
        if walked == 0 {
            return Ok(values);
        }
    }
}

/// Puts the new key into the file beside the database, and the old one into a file of its own; says where.
fn put_beside(database: &Path, new: &SealingKey) -> Outcome<Option<PathBuf>> {
    let beside = |suffix: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let unwritable = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::new(ExitCode::Store, anyhow!("{} can't be written: {error}", path.display()))
    };
    let file = beside(".key");
    let text = private_file::read(&file).map_err(|error| Failure::new(ExitCode::Store, anyhow!(error)))?;
    let old = text.as_ref().and_then(|text| SealingKey::from_hex(text).ok());
    let mut kept = None;
    if let Some(old) = old.filter(|old| old != new) {
        let path = beside(&format!(".key.retired-{}", old.id()));
        private_file::write(&path, &format!("{}\n", *old.to_hex()))
            .map_err(|error| unwritable(&path, &error))?;
        kept = Some(path);
        private_file::write(&file, &format!("{}\n", *new.to_hex()))
            .map_err(|error| unwritable(&file, &error))?;
    }
    Ok(kept)
}
