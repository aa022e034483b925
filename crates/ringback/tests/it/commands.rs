//! The commands together, as an operator, a developer and a platform would type them.

use http::StatusCode;
use serde_json::Value;
use tempfile::tempdir;

use crate::api::{Api, message, text};
use crate::credentials::create;
use crate::program::{Program, failure, printed, run_with};

const ACCOUNT: &str = "0242078689-00001";

#[tokio::test(flavor = "multi_thread")]
async fn a_published_message_is_printed_by_a_listener_that_verified_it() {
    let folder = tempdir().unwrap();
    let mut server = Program::start(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--egress", "any"]);
    let url = server.url();
    let secrets = create(folder.path(), "acme", ACCOUNT, "callbacks,publish");
    let variables = [
        ("RINGBACK_URL", url.as_str()),
        ("RINGBACK_CLIENT_ID", &secrets.client_id),
        ("RINGBACK_CLIENT_SECRET", &secrets.client_secret),
        ("RINGBACK_USERNAME", &secrets.username),
        ("RINGBACK_PASSWORD", &secrets.password),
    ];
    let ringback = |args: &[&str], stdin: &str| run_with(folder.path(), args, &variables, stdin);

    let one = message(ACCOUNT, "one").to_string();
    let unregistered = printed(&ringback(&["messages", "publish"], &one));
    assert!(unregistered.contains("not kept"), "{unregistered}");

    let api = Api::new(&url);
    let tokens = api.log_in(&secrets).await;
    let path = format!("/api/ringback/v1/accounts/{ACCOUNT}/signing-key");
    let (status, key) = api.get(&path, &tokens).await;
    assert_eq!(status, StatusCode::OK);
    let key = [("RINGBACK_SIGNING_SECRET", text(&key["secret"]))];
    let mut listener = Program::start_with(folder.path(), &["listen", "--port", "0"], &key);
    let listener_url = listener.url();
    printed(&ringback(&["callbacks", "register", ACCOUNT, &listener_url], ""));
    let listed = printed(&ringback(&["callbacks", "list", ACCOUNT, "--json"], ""));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["url"].as_str(), Some(listener_url.as_str()));

    let answer = printed(&ringback(&["messages", "publish", "--json"], &one));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["sequence"], 1);
    listener.line_with("New firmware is available");
    listener.line_with(&format!("signature verified ✓, attempt 1, id {}", text(&answer["id"])));
    listener.line_with("one: 01 → 02");

    let many = format!("{}\nnonsense\n{}\n", message(ACCOUNT, "two"), message(ACCOUNT, "three"));
    let published = ringback(&["messages", "publish", "-"], &many);
    let (code, line) = failure(&published);
    assert_eq!(code, 9, "{line}");
    assert!(line.contains("1 of 3"), "{line}");
    let (two, three) = (listener.line_with("signature verified"), listener.line_with("signature verified"));
    assert_ne!(two, three);

    printed(&ringback(&["callbacks", "deregister", ACCOUNT], ""));
    let (code, line) = failure(&ringback(&["callbacks", "deregister", ACCOUNT], ""));
    assert_eq!(code, 5, "{line}");
    assert!(listener.stop().success());
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_refuses_what_is_not_signed_with_its_key() {
    let folder = tempdir().unwrap();
    let key = [("RINGBACK_SIGNING_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")];
    let mut listener = Program::start_with(folder.path(), &["listen", "--port", "0", "--json"], &key);
    let api = Api::new(&listener.url());
    let (status, _) = api.post("/anything", &Default::default(), &message(ACCOUNT, "forged")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let line: Value = serde_json::from_str(&listener.line_with("forged")).unwrap();
    assert_eq!(line["verified"], false);
    assert!(listener.stop().success());
}
