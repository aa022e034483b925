//! Where operators are told what happens.

use std::path::PathBuf;
use std::sync::Arc;

use ringback_server::events::TellerSettings;
use ringback_server::send::{CallbackUrl, EgressPolicy};
use ringback_wire::signature::SigningKey;
use zeroize::Zeroizing;

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use crate::failure::{Failure, Outcome};
use crate::private_file;

/// Holds the secret that events are signed with, where no file does.
const VARIABLE: &str = "RINGBACK_EVENTS_SECRET";

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "events-url",
        "URL",
        "Where operators are told of lanes on hold, recovered and suspended, and of dead messages [default: nowhere]",
    ),
    Setting::one(
        "events-secret-file",
        "FILE",
        "The file of the secret that these events are signed with, whsec_ and base64 [default: RINGBACK_EVENTS_SECRET]",
    ),
];

/// Where operators are told what happens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    url: Option<Arc<CallbackUrl>>,
    secret_file: Option<PathBuf>,
}

impl Events {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let url = match layers.one::<String>("events-url")? {
            None => None,
            // Its path may be a secret, so it is not repeated in the error.
            Some(url) => Some(Arc::new(CallbackUrl::parse(&url).map_err(|error| {
                let place = layers.origin("events-url").unwrap_or_default();
                Failure::configuration(format_args!("{place}: {error}"))
            })?)),
        };
        Ok(Self { url, secret_file: layers.one("events-secret-file")? })
    }

    /// What tells them, if anything is to.
    pub(crate) fn teller(&self, policy: &EgressPolicy) -> Outcome<Option<TellerSettings>> {
        let Some(url) = &self.url else { return Ok(None) };
        url.precheck(policy)
            .map_err(|refusal| Failure::configuration(format_args!("events-url leads to {refusal}")))?;
        let secret = self.secret()?.ok_or_else(|| {
            Failure::configuration(format_args!(
                "events are signed: give their secret with events-secret-file or {VARIABLE}"
            ))
        })?;
        let key = SigningKey::parse(secret.trim()).map_err(|error| {
            Failure::configuration(format_args!("the secret that events are signed with: {error}"))
        })?;
        Ok(Some(TellerSettings { url: url.clone(), key }))
    }

    fn secret(&self) -> Outcome<Option<Zeroizing<String>>> {
        let Some(path) = &self.secret_file else {
            return Ok(std::env::var(VARIABLE).ok().map(Zeroizing::new));
        };
        let missing = || Failure::configuration(format_args!("{} is missing", path.display()));
        private_file::read(path).map_err(Failure::configuration)?.ok_or_else(missing).map(Some)
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        let url = self.url.as_ref().map(|url| format!("{}/…", url.origin_for_logs()));
        shown.put_or("events-url", url, "operators are told of nothing");
        let file = self.secret_file.as_ref().map(|path| path.display().to_string());
        shown.put_or(
            "events-secret-file",
            file,
            "RINGBACK_EVENTS_SECRET holds the secret, where there are events",
        );
    }
}
