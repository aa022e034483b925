//! A server with a credential for one account, and the commands as its user types them.

use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use ringback_testbed::looking;
use serde_json::Value;
use tempfile::TempDir;

use crate::api::{Api, Secrets, Tokens};
use crate::credentials::{create, create_in};
use crate::program::{Program, printed, run_with};

pub(crate) const ACCOUNT: &str = "0242078689-00001";
/// Where the sealing key of a folder's store is.
pub(crate) const KEY_FILE: &str = "ringback.db.key";

/// A server, and who uses it.
pub(crate) struct House {
    folder: TempDir,
    pub(crate) server: Program,
    pub(crate) url: String,
    pub(crate) secrets: Secrets,
}

impl House {
    /// A server on a port from the system, whose callbacks may go to this machine.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more settings.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (server, url) = serve_with(folder.path(), "127.0.0.1:0", settings);
        let secrets = create(folder.path(), "acme", ACCOUNT, "callbacks,publish");
        Self { folder, server, url, secrets }
    }

    /// The same with variables of its environment.
    pub(crate) fn start_knowing(settings: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let args = [&["serve", "--listen", "127.0.0.1:0", "--egress", "any"], settings].concat();
        let mut server = Program::start_with(folder.path(), &args, variables);
        let url = server.url();
        let secrets = create(folder.path(), "acme", ACCOUNT, "callbacks,publish");
        Self { folder, server, url, secrets }
    }

    /// The same on a database of PostgreSQL, with its key in the folder's `ringback.db.key`.
    pub(crate) fn start_on(store: &str, settings: &[&str], variables: &[(&str, &str)]) -> Self {
        use std::os::unix::fs::OpenOptionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join(KEY_FILE);
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(key).unwrap();
        file.write_all("5a".repeat(32).as_bytes()).unwrap();
        let store = ["--store", store, "--key-file", KEY_FILE];
        let args = [&["serve", "--listen", "127.0.0.1:0", "--egress", "any"], &store[..], settings].concat();
        let mut server = Program::start_with(folder.path(), &args, variables);
        let url = server.url();
        let secrets = create_in(folder.path(), &store, "acme", ACCOUNT, "callbacks,publish");
        Self { folder, server, url, secrets }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn variables(&self) -> Vec<(&str, &str)> {
        let secrets = &self.secrets;
        vec![
            ("RINGBACK_URL", &self.url),
            ("RINGBACK_CLIENT_ID", &secrets.client_id),
            ("RINGBACK_CLIENT_SECRET", &secrets.client_secret),
            ("RINGBACK_USERNAME", &secrets.username),
            ("RINGBACK_PASSWORD", &secrets.password),
        ]
    }

    /// Runs a command that ends by itself.
    pub(crate) fn run(&self, args: &[&str], stdin: &str) -> Output {
        run_with(self.folder(), args, &self.variables(), stdin)
    }

    /// What a command prints that ends well.
    #[track_caller]
    pub(crate) fn printed(&self, args: &[&str]) -> String {
        printed(&self.run(args, ""))
    }

    /// The same as JSON.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.printed(&[args, &["--json"]].concat())).unwrap()
    }

    /// Starts a command that runs until it is stopped.
    pub(crate) fn start_program(&self, args: &[&str]) -> Program {
        Program::start_with(self.folder(), args, &self.variables())
    }

    pub(crate) fn register(&self, url: &str) {
        self.printed(&["callbacks", "register", ACCOUNT, url]);
    }

    /// Pauses the account, as an operator does.
    pub(crate) async fn pause(&self) {
        let operator = create(self.folder(), "operator", ACCOUNT, "operate");
        let api = Api::new(&self.url);
        let bearer = crate::api::text(&api.token(&operator).await.1["access_token"]);
        let tokens = Tokens { bearer, session: String::new() };
        let pause = format!("/api/ringback/v1/accounts/{ACCOUNT}/pause");
        let (status, answer) = api.post(&pause, &tokens, &Value::Null).await;
        assert!(status.is_success(), "{answer}");
    }

    /// The URL that is registered, if one is.
    pub(crate) fn registered(&self) -> Option<String> {
        let list = self.json(&["callbacks", "list", ACCOUNT]);
        list.as_array().unwrap().first().map(|one| one["url"].as_str().unwrap().to_owned())
    }

    /// Publishes a message; gives its id.
    pub(crate) fn publish(&self, key: &str) -> String {
        let message = crate::api::message(ACCOUNT, key).to_string();
        let answer = printed(&self.run(&["messages", "publish", "--json"], &message));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "queued", "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Asks until a message's life says this; gives what it says.
    pub(crate) async fn told(&self, id: &str, wanted: &str) -> String {
        let ask = async || {
            let told = self.printed(&["messages", "show", id]);
            if told.contains(wanted) { Ok(told) } else { Err(told) }
        };
        looking::until(format!("{wanted:?} to be said"), ask).await
    }

    pub(crate) async fn signing_key(&self) -> String {
        let api = Api::new(&self.url);
        let tokens: Tokens = api.log_in(&self.secrets).await;
        let path = format!("/api/ringback/v1/accounts/{ACCOUNT}/signing-key");
        crate::api::text(&api.get(&path, &tokens).await.1["secret"])
    }
}

/// A server on the folder's store.
pub(crate) fn serve(folder: &Path, address: &str) -> (Program, String) {
    serve_with(folder, address, &[])
}

fn serve_with(folder: &Path, address: &str, more: &[&str]) -> (Program, String) {
    let args = [&["serve", "--listen", address, "--egress", "any"], more].concat();
    let mut server = Program::start(folder, &args);
    let url = server.url();
    (server, url)
}
