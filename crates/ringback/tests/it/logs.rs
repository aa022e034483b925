//! What the log says, and what it never says, at the level that says the most.

use crate::api::{Api, Tokens};
use crate::credentials::create;
use crate::house::{ACCOUNT, House};
use crate::receiver::Receiver;
use serde_json::json;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const EVENTS_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn at_trace_level_too_no_secret_token_password_callback_path_or_body_is_in_the_log_or_in_a_span() {
    let receiver = Receiver::answering(200).await;
    let operator = Receiver::answering(200).await;
    let events_url = operator.url().replace("/callbacks", "/events-path-secret");
    let collector = Receiver::answering(200).await;
    let collector_url = collector.url().replace("/callbacks", "/collector-secret");
    let settings = ["--log", "trace", "--log-format", "json", "--events-url", &events_url];
    let settings = [settings.as_slice(), &["--otlp-endpoint", &collector_url]].concat();
    let mut house = House::start_knowing(&settings, &[("RINGBACK_EVENTS_SECRET", EVENTS_SECRET)]);
    let api = Api::new(&house.url);
    let tokens = api.log_in(&house.secrets).await;
    let other = create(house.folder(), "other", "*", "callbacks,publish,operate");
    let other_tokens = api.log_in(&other).await;

    // Wrong tokens and passwords, right ones in wrong places.
    let wrong = Tokens { bearer: "wrong-bearer".to_owned(), session: "wrong-session".to_owned() };
    api.get(&format!("/api/fota/v1/callbacks/{ACCOUNT}"), &wrong).await;
    let login = json!({"username": "wrong-username", "password": "wrong-password"});
    api.post("/api/m2m/v1/session/login", &tokens, &login).await;
    api.get("/nowhere/typed-secret?token=query-secret", &tokens).await;

    // Registered, delivered, refused, dead of 410; published well and badly.
    let register = |path: &str| {
        let url = receiver.url().replace("/callbacks", path);
        json!({"name": "Fota", "url": url, "username": "callback-user", "password": "callback-pass"})
    };
    let callbacks = format!("/api/fota/v1/callbacks/{ACCOUNT}");
    api.post(&callbacks, &tokens, &register("/path-secret?query=secret-query")).await;
    let message = |name: &str| {
        let mut message = crate::api::message(ACCOUNT, name);
        message["firmwareList"][0]["releaseNote"] = "body-secret".into();
        message
    };
    for (before, status) in [200, 400, 503, 410].into_iter().enumerate() {
        receiver.answer(status);
        api.publish(&tokens, &message(&format!("message-secret-{status}"))).await.unwrap();
        receiver.requests(before + 1).await;
    }
    api.publish_in(TRACEPARENT, &tokens, &message("traced-secret")).await;
    api.publish_lines(&tokens, &[message("line-secret"), json!({"body-secret": true})]).await;
    api.post(
        &callbacks,
        &tokens,
        &json!({"name": "Fota", "url": "http://x/bad path-secret", "password": "callback-pass"}),
    )
    .await;
    api.post(&format!("/api/ringback/v1/accounts/{ACCOUNT}/check"), &other_tokens, &json!({})).await;
    let key = house.signing_key().await;
    let rotated = api
        .post(&format!("/api/ringback/v1/accounts/{ACCOUNT}/signing-key/rotate"), &tokens, &json!({}))
        .await;
    operator.requests(1).await;

    let sealing_key = std::fs::read_to_string(house.folder().join("ringback.db.key")).unwrap();
    house.server.signal(rustix::process::Signal::TERM);
    let (status, log) = house.server.ended();
    assert!(status.success());
    let log = [house.server.seen(), &log].concat().join("\n");
    let told = |what: &str| assert!(log.contains(what), "{what:?} is not in the log:\n{log}");
    told("a request was answered");
    told("an attempt ended");
    told("\"path\":\"of no route\"");
    told(ACCOUNT);
    told(&format!("\"trace_id\":\"{}\"", &TRACEPARENT[3..35]));
    told("\"span_id\":\"");
    // What is exported is there to be read by others too.
    let exported = collector.requests(1).await;
    let exported: Vec<u8> = exported.iter().flat_map(|request| request.body.to_vec()).collect();
    let exported = String::from_utf8_lossy(&exported);
    assert!(exported.contains("messaging.message.id") && exported.contains(ACCOUNT));
    let rotated = rotated.1["secret"].as_str().unwrap().to_owned();
    for secret in [
        "wrong-bearer",
        "wrong-session",
        "wrong-username",
        "wrong-password",
        "typed-secret",
        "query-secret",
        "path-secret",
        "secret-query",
        "callback-user",
        "callback-pass",
        "body-secret",
        "message-secret",
        "line-secret",
        "traced-secret",
        "collector-secret",
        "said the application",
        &key,
        &rotated,
        EVENTS_SECRET,
        sealing_key.trim(),
        &house.secrets.client_secret,
        &house.secrets.username,
        &house.secrets.password,
        &tokens.bearer,
        &tokens.session,
        &other.client_secret,
        &other.password,
        &other_tokens.bearer,
        &other_tokens.session,
    ] {
        let secret = secret.trim_start_matches("whsec_");
        let place = log.lines().find(|line| line.contains(secret));
        assert_eq!(place, None, "{secret} is in the log");
        assert!(!exported.contains(secret), "{secret} is in an exported span");
    }
}
