//! What the log says of refused tokens, and what it never says.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringback_server::clock::Clock;
use ringback_server::service::{Service, ServiceSettings, TrustedProxies};
use ringback_store::sqlite::{SqliteOptions, SqliteStore};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::client::Http;
use crate::console::{ask, send_form};
use crate::server::{ACCOUNT, Server, basic, callbacks};

/// Keeps every event of Ringback's as a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("ringback") || metadata.target() == "audit"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push_str(&(line.0 + "\n"));
    }
}

#[tokio::test]
async fn a_refused_token_is_logged_with_the_client_id_and_the_reason_and_no_secret_ever_is() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let server = Server::start().await;
    let user = server.user().await;
    server.ask_token(&basic(&user.issued.client_id, "a-wrong-secret")).await;
    server.ask_token(&basic("nobody\nat all", "a-wrong-secret")).await;
    server.login_as(&user.bearer, "a-wrong-user", "a-wrong-password").await;
    let body =
        r#"{"name":"Fota","url":"https://10.0.0.1/path-secret","username":"cb-user","password":"cb-pass"}"#;
    server.as_user(&user, "POST", &callbacks(ACCOUNT)).json(body).send().await.ok();

    let log = lines.0.lock().unwrap().clone();
    let refused = |reason: &str| log.lines().any(|line| line.starts_with("WARN") && line.contains(reason));
    assert!(
        refused(&format!("client_id={:?} reason=\"wrong client secret\"", user.issued.client_id)),
        "{log}"
    );
    assert!(refused("client_id=\"nobody\\nat all\" reason=\"no such client\""), "{log}");
    for secret in [
        "a-wrong-secret",
        "a-wrong-user",
        "a-wrong-password",
        "path-secret",
        "cb-user",
        "cb-pass",
        user.issued.client_secret.expose(),
        user.issued.password.expose(),
        &user.bearer,
        &user.session,
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_log_in_to_the_console_is_logged_with_the_client_whom_a_trusted_proxy_names_and_no_other_proxy() {
    for (trusted, client) in [("127.0.0.0/8", "192.0.2.1"), ("10.0.0.0/8", "127.0.0.1")] {
        let lines = Lines::default();
        let _guard = tracing::subscriber::set_default(lines.clone());
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(SqliteOptions::server(folder.path().join("ringback.db"))).unwrap();
        let proxies = TrustedProxies::new([trusted.parse().unwrap()]);
        let settings = ServiceSettings { proxies, ..ServiceSettings::default() };
        let service = Service::start(settings, Arc::new(store), Clock::system()).await.unwrap();
        let ask = ask(&Http::new(), service.local_addr(), "POST", "/console/login")
            .header("x-forwarded-for", "198.51.100.9, 192.0.2.1");
        let answer = send_form(ask, &[("username", "nobody"), ("password", "a-wrong-password")]).await;
        assert_eq!(answer.status, 401);
        service.stop(Duration::from_secs(10)).await;

        let log = lines.0.lock().unwrap().clone();
        let said = |level: &str, what: &str| {
            let client = format!("client={client}");
            let has = |line: &str| line.starts_with(level) && line.contains(what) && line.contains(&client);
            assert!(log.lines().any(has), "{what} of {client}: {log}");
        };
        said("WARN", "a log-in to the console failed");
        said("DEBUG", "a request was answered");
        assert!(!log.contains("a-wrong-password") && !log.contains("198.51.100.9"), "{log}");
    }
}
