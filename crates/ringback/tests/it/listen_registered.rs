//! `ringback listen --register`: a registration for as long as the listener runs, and what was there put back.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::house::{ACCOUNT, House};
use crate::program::{Program, failure};
use crate::receiver::Receiver;

/// The arguments of a listener that registers itself. The URL is not known before the port is: it has a name that leads to
/// nowhere, or the test has taken the port's number beforehand.
fn args<'a>(port: &'a str, url: &'a str) -> Vec<&'a str> {
    vec!["listen", "--port", port, "--register", ACCOUNT, "--public-url", url]
}

/// A port that was free a moment ago.
fn port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_registers_itself_and_takes_itself_out_at_the_end() {
    let house = House::start();
    let port = port().to_string();
    let url = format!("http://127.0.0.1:{port}/mine");
    let mut listener = house.start_program(&args(&port, &url));
    listener.line_with("until this ends");
    assert_eq!(house.registered().as_deref(), Some(url.as_str()));
    house.publish("one");
    listener.line_with("signature verified ✓, attempt 1");
    assert!(listener.stop().success());
    assert_eq!(house.registered(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_registration_is_displaced_only_where_that_is_said_and_is_put_back() {
    let house = House::start();
    let application = Receiver::answering(204).await;
    house.register(&application.url());
    let port = port().to_string();
    let url = format!("http://127.0.0.1:{port}/mine");
    let (code, line) = failure(&house.run(&args(&port, &url), ""));
    assert_eq!(code, 5, "{line}");
    assert!(line.contains(&application.url()) && line.contains("--replace"), "{line}");
    assert_eq!(house.registered(), Some(application.url()));

    let mut listener = house.start_program(&[&args(&port, &url)[..], &["--replace"]].concat());
    listener.line_with("put back at the end");
    assert_eq!(house.registered(), Some(url.clone()));
    house.publish("one");
    listener.line_with("signature verified ✓");
    // A terminal and a wrapper: the same Ctrl-C twice.
    listener.signal(Signal::INT);
    listener.signal(Signal::INT);
    let (status, printed) = listener.ended();
    assert!(status.success(), "{printed:?}");
    assert_eq!(house.registered(), Some(application.url()));
    house.publish("two");
    assert_eq!(application.requests(1).await[0].header("ringback-sequence"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_registered_otherwise_meanwhile_is_left_as_it_is() {
    let house = House::start();
    let port = port().to_string();
    let url = format!("http://127.0.0.1:{port}/mine");
    let mut listener = house.start_program(&args(&port, &url));
    listener.line_with("until this ends");
    house.register("http://127.0.0.1:9/theirs");
    assert!(listener.stop().success());
    assert_eq!(house.registered().as_deref(), Some("http://127.0.0.1:9/theirs"));
}

/// What a server like ThingSpace was told to register, in order.
type Told = Arc<Mutex<Vec<Value>>>;

/// A server that has the contract's routes and no others.
async fn thingspace(first: Value) -> (String, Told) {
    let told: Told = Arc::new(Mutex::new(vec![first]));
    let list = |State(told): State<Told>| async move {
        let mut last = told.lock().unwrap().last().cloned().unwrap();
        last.as_object_mut().unwrap().remove("password");
        Json(json!([last]))
    };
    let register = |State(told): State<Told>, Json(request): Json<Value>| async move {
        told.lock().unwrap().push(request);
        Json(json!({"accountName": ACCOUNT, "serviceName": "Fota"}))
    };
    let token = || async { Json(json!({"access_token": "a", "token_type": "Bearer", "expires_in": 3600})) };
    let login = || async { Json(json!({"sessionToken": "1b6a6ad5-8f7f-4f2a-9f1a-111111111111"})) };
    let router = Router::new()
        .route("/api/ts/v1/oauth2/token", post(token))
        .route("/api/m2m/v1/session/login", post(login))
        .route("/api/fota/v1/callbacks/{account}", get(list).post(register))
        .with_state(told.clone());
    let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    (url, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_puts_nothing_back_is_told_the_old_registration_again_with_its_password() {
    let folder = tempdir().unwrap();
    let old = json!({"name": "Fota", "url": "https://old.example/", "username": "u", "password": "hush"});
    let (server, told) = thingspace(old.clone()).await;
    let variables = [
        ("RINGBACK_URL", server.as_str()),
        ("RINGBACK_CLIENT_ID", "a"),
        ("RINGBACK_CLIENT_SECRET", "b"),
        ("RINGBACK_USERNAME", "c"),
        ("RINGBACK_PASSWORD", "d"),
    ];
    let url = "https://mine.example/";
    let replace = [&args("0", url)[..], &["--replace"]].concat();
    // Without the password nothing is displaced.
    let (code, line) = failure(&crate::program::run_with(folder.path(), &replace, &variables, ""));
    assert_eq!(code, 2, "{line}");
    assert_eq!(told.lock().unwrap().len(), 1);

    let mut listener = Program::start_reading(folder.path(), &replace, &variables, "hush\n");
    listener.line_with("this server signs nothing");
    listener.line_with("put back at the end");
    let mine = told.lock().unwrap()[1].clone();
    assert_eq!(mine["url"], url);
    assert!(mine["password"].as_str().unwrap().len() >= 32, "callbacks are known by it: {mine}");
    assert!(listener.stop().success());
    assert_eq!(told.lock().unwrap()[2], old);
}
