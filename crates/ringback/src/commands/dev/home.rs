//! The folder that keeps everything from one start to the next: the database and its key, and the credentials.
//!
//! The credentials' file is written after the credential was made. Should the program die in between, or the file be
//! lost, new secrets are made for the same credential; should the database be lost, a new credential is.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use ringback_server::clock::Clock;
use ringback_server::credentials::{self, NewCredential};
use ringback_store::{Reach, Scopes, Store};

use super::ACCOUNT;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::private_file;
use crate::profiles::{self, DEV, DEV_FILE, Profile, Profiles};

/// The folder.
pub(super) struct Home {
    folder: PathBuf,
}

impl Home {
    /// Makes the folder where there is none, for its owner alone.
    pub(super) fn open(folder: &Path) -> Outcome<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| unwritable(folder, &error))?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.join("ringback.db")
    }

    pub(super) fn credentials_file(&self) -> PathBuf {
        self.folder.join(DEV_FILE)
    }

    /// The credentials of earlier starts, or new ones; kept with the URL that the server has this time.
    pub(super) async fn credentials(&self, store: &dyn Store, clock: &Clock, url: &str) -> Outcome<Profile> {
        let file = self.credentials_file();
        let mut kept = profiles::load(&file)?.unwrap_or_default();
        let profile = match kept.remove(DEV) {
            Some(profile) if is_known(store, &profile).await? => Profile { url: url.to_owned(), ..profile },
            _ => make(store, clock, url).await?,
        };
        kept.insert(DEV.to_owned(), profile.clone());
        let text = text(&kept)?;
        private_file::write(&file, &text).map_err(|error| unwritable(&file, &error))?;
        Ok(profile)
    }
}

async fn is_known(store: &dyn Store, profile: &Profile) -> Outcome<bool> {
    let known = store.credential_of_client(&profile.client_id).await?;
    Ok(known.is_some_and(|known| known.revoked_at.is_none()))
}

/// A credential for the account, with every scope; new secrets where there is one whose secrets are lost.
async fn make(store: &dyn Store, clock: &Clock, url: &str) -> Outcome<Profile> {
    let exists =
        credentials::list(store).await?.iter().any(|known| known.name == DEV && known.revoked_at.is_none());
    let issued = if exists {
        credentials::rotate(store, clock.now(), DEV, std::time::Duration::ZERO, None).await?
    } else {
        let account = ACCOUNT.parse().map_err(|error| Failure::from(anyhow!("{ACCOUNT}: {error}")))?;
        let new = NewCredential {
            name: DEV.to_owned(),
            scopes: Scopes { callbacks: true, publish: true, operate: true },
            reach: Reach::Accounts(vec![account]),
            username: None,
            password: None,
        };
        credentials::create(store, clock.now(), new).await?
    };
    Ok(Profile {
        url: url.to_owned(),
        client_id: issued.client_id,
        client_secret: issued.client_secret.expose().into(),
        username: Some(issued.username),
        password: Some(issued.password.expose().into()),
        ca_file: None,
        account: Some(ACCOUNT.to_owned()),
    })
}

fn text(profiles: &Profiles) -> Outcome<String> {
    let toml = toml::to_string(profiles).map_err(anyhow::Error::new)?;
    Ok(format!(
        "# Written by `ringback dev`; usable with `--profile {DEV}`. Secrets: keep it to yourself.\n\n{toml}"
    ))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(ExitCode::Store, anyhow!("{} can't be written: {error}", path.display()))
}
