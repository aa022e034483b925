//! The disk is full: nothing is accepted that could be lost, and all goes on by itself when there is room again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::listener::Listener;
use crate::outage::{self, LINES, printed, until_accepted};
use crate::stage::{Server, account, alone, message};

const DISK: &str = "size=48m";
/// Of free space, for outcomes.
const RESERVE: u64 = 8 << 20;

/// That the disk is full is known after this.
const KNOWN_WITHIN: Duration = Duration::from_millis(150);

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
    // A time, and no event: the store asks for the free space ten times a second, so by then it has to know.
    tokio::time::sleep(KNOWN_WITHIN).await;
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
    let server = start(&disk).await;
    outage::live_through(server, disk.path(), |_| disk.fill(0), |_| disk.make_room()).await;
}
