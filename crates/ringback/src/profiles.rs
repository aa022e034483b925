//! Profiles: servers and secrets by name, in a TOML file that only its owner can read.
//!
//! ```toml
//! [acme]
//! url = "https://ringback.example.com"
//! client-id = "…"
//! client-secret = "…"
//! username = "…"
//! password = "…"
//! ca-file = "acme-root.pem"   # where the server's certificate is from an authority of your own; beside this file
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ringback_wire::Secret;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Outcome};
use crate::private_file;

/// The profile that `ringback dev` writes.
pub(crate) const DEV: &str = "dev";
/// The file that `ringback dev` writes it to, in its folder.
pub(crate) const DEV_FILE: &str = "credentials.toml";
/// Its folder, where no other is given.
const DEV_FOLDER: &str = "ringback-data";

/// A server, and who asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Profile {
    /// The server's root URL.
    pub(crate) url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    /// The user for sessions, and its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<Secret>,
    /// Certificates, in PEM, of authorities that the server's may be from, beside the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The account that this is for, for a person to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
}

/// A file's profiles, by name.
pub(crate) type Profiles = BTreeMap<String, Profile>;

/// The profile of this name, from `file` or from where profiles are.
pub(crate) fn find(name: &str, file: Option<&Path>) -> Outcome<Profile> {
    let mut places: Vec<PathBuf> = match file {
        Some(file) => vec![file.to_owned()],
        None => own_file().into_iter().collect(),
    };
    if file.is_none() && name == DEV {
        places.push(Path::new(DEV_FOLDER).join(DEV_FILE));
    }
    for place in &places {
        if let Some(mut profile) = load(place)?.and_then(|mut profiles| profiles.remove(name)) {
            // What it names stands beside it.
            profile.ca_file = profile.ca_file.map(|file| place.with_file_name(file));
            return Ok(profile);
        }
    }
    let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
    Err(Failure::configuration(format_args!("there is no profile {name:?} in {}", places.join(" or "))))
}

/// A file's profiles; `None` where there is no such file.
pub(crate) fn load(path: &Path) -> Outcome<Option<Profiles>> {
    let Some(text) = private_file::read(path).map_err(Failure::configuration)? else { return Ok(None) };
    // Only where and what: toml's own message repeats the line, with the secret in it.
    toml::from_str(&text).map(Some).map_err(|error| {
        Failure::configuration(format_args!(
            "{} is not a file of profiles: {}",
            path.display(),
            error.message()
        ))
    })
}

/// `$XDG_CONFIG_HOME/ringback/profiles.toml`, which is in `~/.config` where the variable is not set.
fn own_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))?;
    Some(config.join("ringback").join("profiles.toml"))
}
