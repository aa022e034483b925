//! Write errors that are no full disk: nothing is accepted that could be lost, and all goes on by itself afterwards.
//!
//! They are of two kinds. A limit on the size of files, set on the running server, lets its every write fail, with no help
//! of ours. What can't be had so is a failed sync: a few lines of C before the system's library let it fail on demand, and
//! destroy what it would have written, as a system does that drops the pages it could not write.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, prlimit};
use tempfile::tempdir;

use crate::api::Api;
use crate::listener::Listener;
use crate::outage::{self, Load};
use crate::program::Program;
use crate::stage::{self, SERVE, Server, account, alone};

const FAILING_SYNC: &str = include_str!("failing_sync.c");
/// The failing sync's variable: while this file exists, syncs fail.
const TROUBLE: &str = "RINGBACK_TEST_TROUBLE";

/// From now on the server's files may not be longer than this.
fn limit_files(server: &Server, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(server.program.pid()), Resource::Fsize, limit).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_every_write_fails_loses_nothing_and_goes_on_afterwards() {
    let _stage = alone().await;
    let folder = tempdir().unwrap();
    let server = Server::first(folder.path(), &[]).await;
    let begin = |server: &Server| limit_files(server, Some(0));
    let printed =
        outage::live_through(server, folder.path(), begin, |server| limit_files(server, None)).await;
    assert!(printed.iter().any(|line| line.contains("disk I/O error")), "it is said: {printed:#?}");
    assert!(printed.iter().any(|line| line.contains("commits succeed again")), "{printed:#?}");
}

/// The server in a folder, with syncs that can be made to fail.
struct Unsound {
    trouble: PathBuf,
    library: PathBuf,
}

impl Unsound {
    /// Builds what lets syncs fail.
    fn new(folder: &Path) -> Self {
        let (source, library) = (folder.join("failing_sync.c"), folder.join("failing_sync.so"));
        std::fs::write(&source, FAILING_SYNC).unwrap();
        // The compiler that SQLite was built with.
        let compiled =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).status();
        assert!(compiled.unwrap().success());
        Self { trouble: folder.join("trouble"), library }
    }

    async fn start(&self, folder: &Path) -> Server {
        let variables = [("LD_PRELOAD", &self.library), (TROUBLE, &self.trouble)];
        Server::of(Program::start_with(folder, &SERVE, &variables), folder).await
    }

    fn begin(&self) {
        std::fs::write(&self.trouble, "").unwrap();
    }

    fn end(&self) {
        std::fs::remove_file(&self.trouble).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_is_answered_with_503_and_what_came_before_and_after_it_is_kept() {
    let _stage = alone().await;
    let folder = tempdir().unwrap();
    let unsound = Unsound::new(folder.path());
    let server = unsound.start(folder.path()).await;
    let printed = outage::live_through(server, folder.path(), |_| unsound.begin(), |_| unsound.end()).await;
    assert!(printed.iter().any(|line| line.contains("disk I/O error")), "it is said: {printed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_before_failed_syncs_outlives_a_crash_in_the_midst_of_them() {
    let _stage = alone().await;
    let folder = tempdir().unwrap();
    let unsound = Unsound::new(folder.path());
    let (mut server, listener, account) =
        (unsound.start(folder.path()).await, Listener::start().await, account(0));
    server.register(&account, &listener.url("")).await;
    let load = Load::begin(&server, &account);
    listener.until("some deliveries", |arrivals| arrivals.len() > 300).await;
    unsound.begin();
    load.until_refused().await;
    server.program.kill();
    let accepted = load.end().await;

    let mut program = Program::start(folder.path(), &SERVE);
    let url = program.url();
    let (address, api) = (stage::address(&url), Api::new(&url));
    let server = Server { program, address, api, tokens: server.tokens };
    server.account_until(&account, "all delivered", |shown| shown["counts"]["pending"] == 0).await;
    let ids: BTreeSet<String> = listener.arrivals().into_iter().map(|arrival| arrival.id).collect();
    assert!(accepted.is_subset(&ids), "{:?} were lost", accepted.difference(&ids));
    outage::printed(server);
    outage::the_ledger_is_right(folder.path());
}
