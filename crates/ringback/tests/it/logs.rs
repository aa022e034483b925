//! What the log says, and what it never says, at the level that says the most.

use crate::api::{Api, Tokens};
use crate::credentials::create_in;
use crate::house::{ACCOUNT, House, KEY_FILE};
use crate::receiver::Receiver;
use ringback_testbed::Postgres;
use serde_json::{Value, json};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const EVENTS_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn at_trace_level_too_no_secret_token_password_callback_path_or_body_is_in_the_log_or_in_a_span() {
    nothing_to_hide_is_in_the_log(None, "trace").await;
}

#[tokio::test]
async fn nor_is_it_on_postgres_whatever_the_filter_says_of_its_driver() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    nothing_to_hide_is_in_the_log(Some(&database.url()), "trace,tokio_postgres=trace,log=trace").await;
}

#[tokio::test]
async fn a_refused_token_request_is_logged_with_the_client_as_it_called_itself_on_one_line() {
    let mut house = House::start_with(&["--log-format", "json"]);
    let api = Api::new(&house.url);
    for client in ["nobody", "two\nlines"] {
        let secrets = crate::api::Secrets { client_id: client.to_owned(), ..house.secrets.clone() };
        assert_eq!(api.token(&secrets).await.0, http::StatusCode::UNAUTHORIZED);
        let line: Value = serde_json::from_str(&house.server.line_with("a token was refused")).unwrap();
        assert_eq!(line["client_id"], client, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_and_attempt_is_one_line_at_debug_and_each_change_of_state_one_at_info() {
    let receiver = Receiver::answering(503).await;
    let settings =
        ["--log", "debug", "--log-format", "json", "--failures-to-hold", "1", "--probe-delay", "10ms"];
    let schedule = ["--retry-delay", "10ms", "--retry-delay", "20ms"];
    let mut house = House::start_with(&[&settings[..], &schedule].concat());
    let api = Api::new(&house.url);
    let tokens = api.log_in(&house.secrets).await;
    api.register(&tokens, ACCOUNT, &receiver.url()).await;
    let publish = async |name: &str| {
        let (status, answer) = api.publish(&tokens, &crate::api::message(ACCOUNT, name)).await.unwrap();
        assert_eq!(status, http::StatusCode::ACCEPTED, "{answer}");
    };
    // On hold, recovered by a probe; dead of its third 400; suspended by a 410, and recovered by a registration.
    publish("one").await;
    house.server.line_with("a lane is on hold");
    receiver.answer(200);
    house.server.line_with("a lane recovered");
    receiver.answer(400);
    publish("two").await;
    house.server.line_with("a message is dead");
    receiver.answer(410);
    publish("three").await;
    house.server.line_with("a lane is suspended");
    receiver.answer(200);
    api.register(&tokens, ACCOUNT, &receiver.url()).await;
    house.server.line_with("a lane recovered");
    house.server.signal(rustix::process::Signal::TERM);
    let (_, rest) = house.server.ended();

    let lines = house.server.seen().iter().chain(&rest).filter(|line| line.starts_with('{'));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = |level: &str, message: &str, path: Option<&str>| {
        let is = |line: &&Value| {
            line["level"] == level
                && line["message"] == message
                && path.is_none_or(|path| line["path"] == path)
        };
        lines.iter().filter(is).count()
    };
    assert_eq!(said("DEBUG", "an attempt ended", None), receiver.requests(1).await.len());
    let callbacks = format!("/api/fota/v1/callbacks/{ACCOUNT}");
    for (path, requests) in [
        ("/api/ts/v1/oauth2/token", 1),
        ("/api/m2m/v1/session/login", 1),
        (callbacks.as_str(), 2),
        ("/api/ringback/v1/messages", 3),
    ] {
        assert_eq!(said("DEBUG", "a request was answered", Some(path)), requests, "{path}");
    }
    assert_eq!(said("DEBUG", "a request was answered", None), 7);
    for (change, times) in [
        ("a lane is on hold", 1),
        ("a lane recovered", 2),
        ("a message is dead", 1),
        ("a lane is suspended: its endpoint answered 410", 1),
    ] {
        assert_eq!(said("INFO", change, None), times, "{change}");
    }
}

async fn nothing_to_hide_is_in_the_log(store: Option<&str>, filter: &str) {
    let receiver = Receiver::answering(200).await;
    let operator = Receiver::answering(200).await;
    let events_url = operator.url().replace("/callbacks", "/events-path-secret");
    let collector = Receiver::answering(200).await;
    let collector_url = collector.url().replace("/callbacks", "/collector-secret");
    let settings = ["--log", filter, "--log-format", "json", "--events-url", &events_url];
    let settings = [settings.as_slice(), &["--otlp-endpoint", &collector_url]].concat();
    let variables = [("RINGBACK_EVENTS_SECRET", EVENTS_SECRET)];
    let mut house = match store {
        Some(store) => House::start_on(store, &settings, &variables),
        None => House::start_knowing(&settings, &variables),
    };
    let api = Api::new(&house.url);
    let tokens = api.log_in(&house.secrets).await;
    let store = ["--store", store.unwrap_or("sqlite:ringback.db"), "--key-file", KEY_FILE];
    let store = if store[1].starts_with("sqlite:") { &store[..2] } else { &store[..] };
    let other = create_in(house.folder(), store, "other", "*", "callbacks,publish,operate");
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
    // At the console: no page of that name, a wrong password, a right one, a page, an act, and out again.
    api.page("/console/typed-secret", "").await;
    let login = |password| [("username", other.username.as_str()), ("password", password)];
    api.form("/console/login", "", &login("wrong-password")).await;
    let (head, _) = api.form("/console/login", "", &login(&other.password)).await;
    let cookie = head.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let (_, page) = api.page(&format!("/console/accounts/{ACCOUNT}"), &cookie).await;
    let (_, form_token) = page.split_once("name=\"form_token\" value=\"").expect("a form on the page");
    let form_token = form_token.split('"').next().unwrap();
    let (head, page) = api.form("/console/logout", &cookie, &[("form_token", form_token)]).await;
    assert!(head.status.is_redirection(), "{page}");

    let key = house.signing_key().await;
    let rotated = api
        .post(&format!("/api/ringback/v1/accounts/{ACCOUNT}/signing-key/rotate"), &tokens, &json!({}))
        .await;
    operator.requests(1).await;

    let sealing_key = std::fs::read_to_string(house.folder().join(KEY_FILE)).unwrap();
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
        cookie.split_once('=').unwrap().1,
        form_token,
    ] {
        let secret = secret.trim_start_matches("whsec_");
        // Bytes are shown as a list of numbers by who does not know that they are text.
        let bytes = format!("{:?}", secret.as_bytes());
        let numbers = bytes.trim_matches(['[', ']']);
        let place = log.lines().find(|line| line.contains(secret) || line.contains(numbers));
        assert_eq!(place, None, "{secret} is in the log");
        assert!(!exported.contains(secret), "{secret} is in an exported span");
    }
}
