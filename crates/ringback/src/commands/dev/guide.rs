//! How to go on: where everything is, and how a person registers their own listener.

use std::fmt;

use ringback_wire::auth::SESSION_HEADER;
use ringback_wire::{Secret, routes};

use super::ACCOUNT;
use super::home::Home;
use super::registration::InForce;
use super::tokens::Tokens;

/// Where a person's own listener might be.
const EXAMPLE: &str = "http://127.0.0.1:3000/callbacks";

/// How to go on.
pub(super) struct Guide {
    url: String,
    credentials_file: String,
    folder_is_default: bool,
    bearer: Secret,
    session: Secret,
    /// What the example registers: again what a person has registered, so that trying it changes nothing.
    example: String,
}

impl Guide {
    pub(super) fn new(tokens: &Tokens, url: &str, home: &Home, in_force: &InForce) -> Self {
        let example = match in_force {
            InForce::Own(own) => own.clone(),
            InForce::BuiltIn(_) => EXAMPLE.to_owned(),
        };
        let file = home.credentials_file();
        Self {
            url: url.to_owned(),
            folder_is_default: file == std::path::Path::new("ringback-data").join("credentials.toml"),
            credentials_file: file.display().to_string(),
            bearer: tokens.bearer(),
            session: tokens.session(),
            example,
        }
    }

    fn curl(&self) -> String {
        let body = serde_json::json!({"name": "Fota", "url": self.example}).to_string();
        format!(
            "curl -sS -X POST {} -H {} -H {} -H {} -d {}",
            quoted(&format!("{}{}", self.url, routes::callbacks_path(ACCOUNT))),
            quoted(&format!("Authorization: Bearer {}", self.bearer.expose())),
            quoted(&format!("{SESSION_HEADER}: {}", self.session.expose())),
            quoted("Content-Type: application/json"),
            quoted(&body),
        )
    }
}

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.folder_is_default {
            String::new()
        } else {
            format!(" --profiles {}", quoted(&self.credentials_file))
        };
        write!(
            f,
            "\nserver:      {}\nconsole:     {}/console (log in with the username and the password of the credentials)\n\
             account:     {ACCOUNT}\ncredentials: {} (for other commands: --profile dev{more})\n\n\
             Register your own listener (put its URL last; the tokens are good for an hour, and for 20 minutes unused):\n\n  \
             {}\n\nor\n\n  ringback callbacks register {ACCOUNT} {} --profile dev{more}\n\nCtrl-C stops.\n",
            self.url,
            self.url,
            self.credentials_file,
            self.curl(),
            quoted(&self.example),
        )
    }
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
