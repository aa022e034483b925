//! How a server ends.

use rustix::process::Signal;
use tempfile::tempdir;

use crate::program::Program;

#[test]
fn a_server_stops_cleanly_when_it_is_asked_and_can_be_started_again() {
    let folder = tempdir().unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Program::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        server.url();
        server.signal(signal);
        let (status, printed) = server.ended();
        assert_eq!(status.code(), Some(0), "{printed:?}");
        assert!(printed.iter().any(|line| line.contains("stopped")), "{printed:?}");
    }
}

#[test]
fn logs_are_json_where_nobody_reads_along() {
    let folder = tempdir().unwrap();
    let mut server = Program::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    server.url();
    server.signal(Signal::TERM);
    let (_, printed) = server.ended();
    let logged: Vec<_> = printed.iter().filter(|line| line.starts_with('{')).collect();
    assert!(!logged.is_empty(), "{printed:?}");
    for line in logged {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_server_that_still_waits_for_an_endpoint() {
    use crate::api::{Api, message};
    use crate::credentials::create;

    let folder = tempdir().unwrap();
    // Takes connections and never answers.
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--egress", "any", "--stop-grace", "50s"];
    let mut server = Program::start(folder.path(), &[&args[..], &["--request-timeout", "55s"]].concat());
    let api = Api::new(&server.url());
    let account = "0242078689-00001";
    let tokens = api.log_in(&create(folder.path(), "t", account, "callbacks,publish")).await;
    api.register(&tokens, account, &format!("http://{}/", silent.local_addr().unwrap())).await;
    api.publish(&tokens, &message(account, "1")).await.unwrap();
    let (_held, _) = silent.accept().await.unwrap();
    server.signal(Signal::TERM);
    server.line_with("asked to stop");
    server.signal(Signal::TERM);
    let (status, printed) = server.ended();
    assert_eq!(status.code(), Some(130), "{printed:?}");
}
