//! What can't be printed: on a full disk it is a failure, and where the reader has left it is nobody's.

use std::fs::File;
use std::io::pipe;
use std::process::Stdio;

use crate::house::{ACCOUNT, House};
use crate::program::{Program, command, failure};

const STORE: &str = "sqlite:ringback.db";
const PULL: [&str; 4] = ["listen", "--pull", ACCOUNT, "--json"];

/// Every write to it fails as on a full disk.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A pipe whose reader has left.
fn unread() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A command that is started with this stdout.
fn start(house: &House, args: &[&str], stdout: impl Into<Stdio>) -> Program {
    let mut command = command(house.folder(), args);
    command.envs(house.variables());
    Program::spawn_writing_to(stdout, command)
}

#[test]
fn a_result_that_can_not_be_written_is_a_failure_that_says_so() {
    let house = House::start();
    let create = ["credentials", "create", "--store", STORE, "--name", "b", "--account", ACCOUNT, "--scope"];
    let create = [&create[..], &["publish"]].concat();
    for (args, says) in [
        (&["messages", "list", "--json"][..], "No space left"),
        (&["callbacks", "list", ACCOUNT, "--json"], "No space left"),
        (&["verify", "--store", STORE], "No space left"),
        (&["serve", "--print-config"], "No space left"),
        (&["completions", "bash"], "No space left"),
        (&create, "`ringback credentials rotate b` makes new ones"),
    ] {
        let mut command = command(house.folder(), args);
        command.envs(house.variables()).stdin(Stdio::null()).stdout(full());
        let (code, line) = failure(&command.output().unwrap());
        assert_eq!(code, 8, "{args:?}: {line}");
        assert!(line.contains("can't be written to stdout") && line.contains(says), "{args:?}: {line}");
    }
}

#[test]
fn what_was_published_is_published_though_it_can_not_be_told() {
    let house = House::start();
    house.register("http://127.0.0.1:9/");
    std::fs::write(house.folder().join("m"), crate::api::message(ACCOUNT, "one").to_string()).unwrap();
    for args in [&["messages", "publish", "m"][..], &["messages", "publish", "m", "--json"]] {
        let (status, lines) = start(&house, args, full()).ended();
        assert_eq!(status.code(), Some(8), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("can't be written to stdout")), "{lines:?}");
    }
    assert_eq!(house.json(&["messages", "list"])["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn a_reader_that_left_is_nobodys_mistake() {
    let house = House::start();
    for args in [&["messages", "list", "--json"][..], &["serve", "--print-config"], &["completions", "bash"]]
    {
        let (status, lines) = start(&house, args, unread()).ended();
        assert!(status.success() && lines.is_empty(), "{status}: {lines:?}");
    }
}

#[test]
fn a_server_serves_though_it_can_not_say_where() {
    let house = House::start();
    let args = ["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:other.db"];
    let mut server = start(&house, &args, full());
    server.line_with("can't be written to stdout");
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pulled_and_can_not_be_printed_is_not_acknowledged_and_comes_again() {
    let house = House::start();
    let mut listener = house.start_program(&PULL);
    listener.line_with("pull is on");
    assert!(listener.stop().success());
    let id = house.publish("one");

    let (status, lines) = start(&house, &PULL, full()).ended();
    assert_eq!(status.code(), Some(8), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("can't be written to stdout")), "{lines:?}");
    let (status, lines) = start(&house, &PULL, unread()).ended();
    assert!(status.success(), "{status}: {lines:?}");
    assert_eq!(house.json(&["messages", "show", &id])["state"], "pending");

    let mut listener = house.start_program(&PULL);
    listener.line_with("behind #0");
    assert!(listener.line_with("{\"id\":").contains(&id));
    assert!(listener.stop().success());
    house.told(&id, "It has arrived").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_can_not_be_printed_is_answered_with_500() {
    let house = House::start();
    let mut listener = start(&house, &["listen", "--port", "0", "--json"], full());
    house.register(&listener.url());
    let id = house.publish("one");
    let (status, lines) = listener.ended();
    assert_eq!(status.code(), Some(8), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("will come again")), "{lines:?}");
    let told = house.told(&id, "It waits: it was tried once, last with").await;
    assert!(told.contains("500"), "{told}");
}
