//! `ringback messages publish`: what fails is kept, and tried again with the same keys.

use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::tempdir;

use crate::api::message;
use crate::house::{ACCOUNT, House};
use crate::program::{PATIENCE, Program, failure, printed, run};
use crate::receiver::Receiver;

const OTHER: &str = "0242078689-00002";

fn unkeyed(account: &str, name: &str) -> String {
    let mut message = message(account, name);
    message.as_object_mut().unwrap().remove("idempotencyKey");
    message.to_string()
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn key(line: &str) -> String {
    let message: Value = serde_json::from_str(line).unwrap();
    message["idempotencyKey"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_in_a_file_that_can_be_published_once_that_is_put_right() {
    let house = House::start();
    let receiver = Receiver::answering(204).await;
    house.register(&receiver.url());
    let file = house.folder().join("m.ndjson");
    let text = [unkeyed(ACCOUNT, "one"), unkeyed(OTHER, "two"), unkeyed(ACCOUNT, "three")].join("\n");
    std::fs::write(&file, text).unwrap();

    let published = house.run(&["messages", "publish", "m.ndjson"], "");
    let (code, line) = failure(&published);
    assert_eq!(code, 9, "{line}");
    assert!(
        line.contains("1 of 3") && line.contains("`ringback messages publish m.ndjson.failed`"),
        "{line}"
    );
    let said = String::from_utf8_lossy(&published.stdout).into_owned();
    assert!(said.contains("line 2: 403") && said.contains("2 queued, 1 failed"), "{said}");
    let failed = house.folder().join("m.ndjson.failed");
    let kept = lines(&failed);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let first_key = key(&kept[0]);
    receiver.requests(2).await;

    // Still refused: again in a file of its own, under the same key.
    let (code, _) = failure(&house.run(&["messages", "publish", "m.ndjson.failed"], ""));
    assert_eq!(code, 5, "one message that the server refused");
    let again = lines(&house.folder().join("m.ndjson.failed.failed"));
    assert_eq!(again.iter().map(|line| key(line)).collect::<Vec<_>>(), [first_key]);

    let grant = ["credentials", "grant", "acme", "--account", OTHER, "--store", "sqlite:ringback.db"];
    printed(&run(house.folder(), &grant));
    house.printed(&["callbacks", "register", OTHER, &receiver.url()]);
    let said = house.printed(&["messages", "publish", "m.ndjson.failed"]);
    assert!(said.contains("queued as #1"), "{said}");
    receiver.requests(3).await;
    let said = house.printed(&["messages", "publish", "m.ndjson.failed"]);
    assert!(said.contains("published before as #1"), "the key makes it the same message: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_server_answered_for_is_kept_and_published_when_it_is_back() {
    let mut house = House::start();
    let receiver = Receiver::answering(204).await;
    house.register(&receiver.url());
    assert!(house.server.stop().success());
    let many = format!("{}\n{}\n", unkeyed(ACCOUNT, "one"), unkeyed(ACCOUNT, "two"));
    let published = house.run(&["messages", "publish", "-", "--retries", "0", "--failed", "again"], &many);
    let (code, line) = failure(&published);
    assert_eq!(code, 6, "{line}");
    assert!(line.contains("again"), "{line}");
    let stdout = String::from_utf8_lossy(&published.stdout).into_owned();
    assert_eq!(stdout.matches("line ").count(), 1, "one failure is told once: {stdout}");
    assert_eq!(lines(&house.folder().join("again")).len(), 2);

    let address = house.url.strip_prefix("http://").unwrap().to_owned();
    house.server = crate::house::serve(house.folder(), &address).0;
    let said = house.printed(&["messages", "publish", "again"]);
    assert_eq!(said.trim(), "2 queued");
    receiver.requests(2).await;
    let (code, line) = failure(&house.run(&["messages", "publish", "again", "--failed", "again"], ""));
    assert_eq!(code, 2, "what is there is not written over: {line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_first_failure_it_stops_where_it_is_told_to_and_keeps_the_rest() {
    let house = House::start();
    let receiver = Receiver::answering(204).await;
    house.register(&receiver.url());
    let names: Vec<String> = (0..3_000).map(|number| format!("n{number}")).collect();
    let mut all: Vec<String> = names.iter().map(|name| unkeyed(ACCOUNT, name)).collect();
    all.insert(5, unkeyed(OTHER, "refused"));
    std::fs::write(house.folder().join("m"), all.join("\n")).unwrap();
    let published = house.run(&["messages", "publish", "m", "--fail-fast", "--json"], "");
    let (code, line) = failure(&published);
    assert_eq!(code, 9, "{line}");
    let accepted = String::from_utf8_lossy(&published.stdout).matches("\"status\":\"queued\"").count();
    let kept = lines(&house.folder().join("m.failed"));
    assert_eq!(accepted + kept.len(), all.len(), "each is either accepted or kept");
    assert!(accepted >= 5 && kept.len() > 1_000, "{accepted} accepted, {} kept", kept.len());
    assert!(kept[0].contains("refused"), "{}", kept[0]);

    // Without the one that can't be right, the rest goes through, and nothing twice.
    std::fs::write(house.folder().join("m.failed"), kept[1..].join("\n")).unwrap();
    house.printed(&["messages", "publish", "m.failed"]);
    let listed = house.json(&["messages", "list", "--limit", "1"]);
    assert_eq!(listed["messages"][0]["sequence"], 3_000);
}

#[test]
fn a_line_that_is_no_message_is_a_first_failure_too() {
    let house = House::start();
    house.register("http://127.0.0.1:9/");
    let all = [unkeyed(ACCOUNT, "one"), "nonsense".to_owned(), unkeyed(ACCOUNT, "two")];
    std::fs::write(house.folder().join("m"), all.join("\n")).unwrap();
    let published = house.run(&["messages", "publish", "m", "--fail-fast"], "");
    let (code, line) = failure(&published);
    assert_eq!(code, 9, "{line}");
    let said = String::from_utf8_lossy(&published.stdout).into_owned();
    assert!(said.contains("line 2: ") && said.contains("1 queued, 2 failed"), "{said}");
    assert!(line.contains("put the one that is wrong right there first"), "{line}");
    let kept = lines(&house.folder().join("m.failed"));
    assert_eq!(kept[0], "nonsense", "{kept:?}");
    assert!(!key(&kept[1]).is_empty() && kept.len() == 2, "{kept:?}");
}

#[test]
fn what_is_refused_for_what_it_is_has_to_be_put_right_before_it_is_tried_again() {
    let house = House::start();
    house.register("http://127.0.0.1:9/");
    let (code, line) = failure(&house.run(&["messages", "publish"], "nonsense"));
    assert_eq!(code, 2, "{line}");
    assert!(line.contains("messages.failed") && line.contains("put it right there"), "{line}");

    // The server looks more closely than the program.
    let mut wrong = message(ACCOUNT, "one");
    wrong["type"] = "unheardOf".into();
    let (code, line) = failure(&house.run(&["messages", "publish"], &wrong.to_string()));
    assert_eq!(code, 5, "{line}");
    assert!(line.contains("put it right there"), "{line}");

    house.publish("two");
    let mut other = message(ACCOUNT, "three");
    other["idempotencyKey"] = message(ACCOUNT, "two")["idempotencyKey"].clone();
    let (code, line) = failure(&house.run(&["messages", "publish"], &other.to_string()));
    assert_eq!(code, 5, "{line}");
    assert!(line.contains("put it right there"), "{line}");
}

#[test]
fn a_line_that_is_no_message_fails_alone_and_a_document_may_go_over_several_lines() {
    let house = House::start();
    house.register("http://127.0.0.1:9/");
    let many = format!("{}\n{{broken\n{}\n", unkeyed(ACCOUNT, "one"), unkeyed(ACCOUNT, "two"));
    let published = house.run(&["messages", "publish", "--json"], &many);
    let (code, line) = failure(&published);
    assert_eq!(code, 9, "{line}");
    let told: Vec<Value> = String::from_utf8_lossy(&published.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told.iter().map(|line| line["line"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(told[1]["error"].as_str().unwrap().contains("JSON"), "{}", told[1]);
    assert_eq!(lines(&house.folder().join("messages.failed")), ["{broken"]);

    let pretty = serde_json::to_string_pretty(&message(ACCOUNT, "three")).unwrap();
    let said = printed(&house.run(&["messages", "publish"], &pretty));
    assert!(said.contains("queued as #3"), "{said}");
    let (code, line) = failure(&house.run(&["messages", "publish"], "\n"));
    assert_eq!(code, 2, "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_when_it_was_stopped_is_kept() {
    let folder = tempdir().unwrap();
    // Takes connections and never answers.
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let variables =
        [("RINGBACK_URL", url.as_str()), ("RINGBACK_CLIENT_ID", "a"), ("RINGBACK_CLIENT_SECRET", "b")];
    let two = format!("{}\n{}\n", unkeyed(ACCOUNT, "one"), unkeyed(ACCOUNT, "two"));
    let mut publishing = Program::start_reading(folder.path(), &["messages", "publish"], &variables, &two);
    let (_held, _) = tokio::time::timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
    publishing.signal(Signal::INT);
    let (status, printed) = publishing.ended();
    assert_eq!(status.code(), Some(9), "{printed:?}");
    assert!(printed.iter().any(|line| line.contains("or are not known to be")), "{printed:?}");
    let kept = lines(&folder.path().join("messages.failed"));
    assert_eq!(kept.iter().filter(|line| !key(line).is_empty()).count(), 2, "{kept:?}");
}

#[test]
fn what_is_not_kept_as_nobody_wants_it_is_no_failure_which_the_help_says() {
    let house = House::start();
    let two = format!("{}\n{}\n", unkeyed(ACCOUNT, "one"), unkeyed(ACCOUNT, "two"));
    let said = printed(&house.run(&["messages", "publish"], &two));
    assert_eq!(said.trim(), "0 queued, 2 not kept, as nothing is registered for their account");
    assert!(!house.folder().join("messages.failed").exists());
    let help = house.printed(&["messages", "publish", "--help"]);
    assert!(help.contains("unregistered") && help.contains("0 all the same"), "{help}");
}

#[test]
fn no_bar_is_drawn_where_nobody_sees_it() {
    let house = House::start();
    house.register("http://127.0.0.1:9/");
    let published = house.run(&["messages", "publish"], &unkeyed(ACCOUNT, "one"));
    assert!(published.status.success());
    assert_eq!(String::from_utf8_lossy(&published.stderr), "");
}

#[test]
fn a_bar_is_drawn_on_a_terminal_and_the_summary_stays() {
    let Some(mut terminal) = crate::tools::tool("script") else { return };
    let house = House::start();
    house.register("http://127.0.0.1:9/");
    let messages: String = (0..200).map(|number| unkeyed(ACCOUNT, &number.to_string()) + "\n").collect();
    std::fs::write(house.folder().join("many.ndjson"), messages).unwrap();
    let publish = format!("{} messages publish many.ndjson", env!("CARGO_BIN_EXE_ringback"));
    terminal.args(["--quiet", "--return", "--command", &publish, "/dev/null"]);
    terminal.current_dir(house.folder()).envs(house.variables()).env("TERM", "xterm");
    let drawn = crate::tools::content(&mut terminal, "");
    assert!(drawn.contains("░") && drawn.contains("KiB, 1 message, "), "{drawn}");
    assert!(drawn.trim_end().ends_with("200 queued"), "{drawn}");
}

#[test]
fn a_server_is_named_by_its_environment_or_not_at_all() {
    let folder = tempdir().unwrap();
    let output = run(folder.path(), &["messages", "publish", "--environment", "development"]);
    assert_eq!(output.status.code(), Some(2));
    let (code, line) = failure(&run(folder.path(), &["messages", "publish", "--environment", "staging"]));
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("RINGBACK_CLIENT_ID"), "{line}");
}
