//! The disk is full: nothing is accepted that could be lost, and all goes on by itself when there is room again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::listener::Listener;
use crate::stage::{Server, account, alone, message};

const DISK: &str = "size=48m";
/// Of free space, for outcomes.
const RESERVE: u64 = 8 << 20;
/// Lines that a server may print in all about its disk, requests or not.
const LINES: usize = 12;

/// A small disk, gone with its story.
struct Disk(TempDir);

impl Disk {
    /// `None` where nothing may be mounted.
    fn mount() -> Option<Self> {
        let folder = tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", DISK, "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        match mounted {
            Ok(status) if status.success() => Some(Self(folder)),
            _ => {
                eprintln!("SKIPPED: no tmpfs can be mounted here");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Leaves so many bytes free.
    fn fill(&self, left: u64) {
        let space = rustix::fs::statvfs(self.path()).unwrap();
        let free = space.f_bavail * space.f_frsize;
        let file = std::fs::File::options().create(true).append(true).open(self.ballast()).unwrap();
        let zeros = vec![0; usize::try_from(free.saturating_sub(left)).unwrap()];
        // To the brim there may be a page less than was told.
        let _ = std::io::Write::write_all(&mut &file, &zeros);
    }

    fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.path()).status());
    }
}

async fn start(disk: &Disk) -> Server {
    Server::first(disk.path(), &["--free-space-reserve", &RESERVE.to_string()]).await
}

/// What the program printed up to its end, about other things than single requests.
fn printed(mut server: Server) -> Vec<String> {
    server.program.signal(rustix::process::Signal::TERM);
    let (status, printed) = server.program.ended();
    assert!(status.success(), "{printed:#?}");
    printed
}

/// Publishes until it is answered with 202.
async fn until_accepted(server: &Server, account: &str, name: &str) {
    let accepting = async {
        loop {
            let (status, answer) = server.api.publish(&server.tokens, &message(account, name)).await.unwrap();
            if status == StatusCode::ACCEPTED {
                return;
            }
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::program::PATIENCE, accepting).await.expect("it should accept again");
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_publishing_stops_and_outcomes_are_recorded() {
    const WAITING: u64 = 500;
    let _stage = alone().await;
    let Some(disk) = Disk::mount() else { return };
    let (server, listener, account) = (start(&disk).await, Listener::start().await, account(0));
    server.register(&account, &listener.url("")).await;
    server.act(&account, "pause", &json!({})).await;
    let lines: Vec<_> = (0..WAITING).map(|name| message(&account, &name.to_string())).collect();
    let answers = server.api.publish_lines(&server.tokens, &lines).await;
    assert!(answers.iter().all(|answer| answer["code"] == 202), "{answers:?}");

    disk.fill(RESERVE / 2);
    // The store asks for the free space ten times a second.
    tokio::time::sleep(Duration::from_millis(150)).await;
    for name in 0..100 {
        let refused = message(&account, &format!("refused {name}"));
        let (status, answer) = server.api.publish(&server.tokens, &refused).await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    }
    server.act(&account, "resume", &json!({})).await;
    server.account_until(&account, "delivered", |shown| shown["counts"]["delivered"] == WAITING).await;

    disk.make_room();
    until_accepted(&server, &account, "after").await;
    server.account_until(&account, "delivered", |shown| shown["counts"]["delivered"] == WAITING + 1).await;
    let numbers: BTreeSet<u64> = listener.arrivals().iter().map(|arrival| arrival.sequence).collect();
    assert_eq!(numbers, (1..=WAITING + 1).collect());
    let printed = printed(server);
    assert!(printed.len() <= LINES, "a line for each request: {printed:#?}");
    assert!(printed.iter().any(|line| line.contains("reserve")), "it is said: {printed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_to_the_brim_under_load_loses_nothing() {
    let _stage = alone().await;
    let Some(disk) = Disk::mount() else { return };
    let (server, listener, account) = (start(&disk).await, Listener::start().await, account(0));
    server.register(&account, &listener.url("")).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..4 {
        let (api, tokens) = (server.api.clone(), server.tokens.clone());
        let (over, account) = (over.clone(), account.clone());
        publishers.spawn(async move {
            let (mut accepted, mut refused) = (BTreeSet::new(), 0);
            for number in 0.. {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let body = message(&account, &format!("p{publisher}-{number}"));
                let (status, answer) = api.publish(&tokens, &body).await.unwrap();
                match status {
                    StatusCode::ACCEPTED => _ = accepted.insert(answer["id"].as_str().unwrap().to_owned()),
                    StatusCode::SERVICE_UNAVAILABLE => refused += 1,
                    _ => panic!("{status} {answer}"),
                }
            }
            (accepted, refused)
        });
    }
    listener.until("some deliveries", |arrivals| arrivals.len() > 300).await;
    disk.fill(0);
    // Full for a while: for some failed commits, and attempts to open the database again.
    tokio::time::sleep(Duration::from_secs(2)).await;
    disk.make_room();
    until_accepted(&server, &account, "after").await;
    let came = listener.arrivals().len();
    listener.until("more deliveries", |arrivals| arrivals.len() > came + 300).await;
    over.store(true, Ordering::SeqCst);
    let published = publishers.join_all().await;
    let refused: usize = published.iter().map(|(_, refused)| refused).sum();
    let accepted: BTreeSet<String> = published.into_iter().flat_map(|(accepted, _)| accepted).collect();
    server.account_until(&account, "all delivered", |shown| shown["counts"]["pending"] == 0).await;
    let came = listener.arrivals();
    let ids: BTreeSet<String> = came.iter().map(|arrival| arrival.id.clone()).collect();
    assert!(accepted.is_subset(&ids), "{:?} were lost", accepted.difference(&ids));
    assert_eq!(ids.len(), came.len(), "without a crash nothing is repeated");
    let shown = server.account(&account).await;
    assert_eq!(shown["counts"]["delivered"], ids.len());
    let printed = printed(server);
    eprintln!("{} accepted, {refused} refused", accepted.len());
    assert!(refused > 0);
    assert!(printed.len() <= LINES, "a line for each request: {printed:#?}");
}
