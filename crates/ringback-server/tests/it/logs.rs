//! What the log says of refused tokens, and what it never says.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

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
        metadata.target().starts_with("ringback")
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
