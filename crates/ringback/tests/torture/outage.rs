//! A load that goes on while a server can't write, and what must be true after it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use ringback_testbed::looking;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::listener::Listener;
use crate::program;
use crate::stage::{Server, account, message};

/// Lines that a server may print in all about its disk, requests or not.
pub(crate) const LINES: usize = 12;
const PUBLISHERS: usize = 4;
/// Publishes that are refused before the outage ends, so that there were some failed commits, and attempts to open the
/// database again.
const REFUSED: usize = 300;

/// Those who publish one message after the other, and what they were answered.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    refused: watch::Sender<usize>,
    publishers: JoinSet<BTreeSet<String>>,
}

impl Load {
    /// Begins to publish for an account.
    pub(crate) fn begin(server: &Server, account: &str) -> Self {
        let (over, refused) = (Arc::new(AtomicBool::new(false)), watch::Sender::new(0));
        let mut publishers = JoinSet::new();
        for publisher in 0..PUBLISHERS {
            let (api, tokens) = (server.api.clone(), server.tokens.clone());
            let (over, refused, account) = (over.clone(), refused.clone(), account.to_owned());
            publishers.spawn(async move {
                let mut accepted = BTreeSet::new();
                for number in 0.. {
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                    let body = message(&account, &format!("p{publisher}-{number}"));
                    // The server may be killed as it is asked.
                    let Ok((status, answer)) = api.publish(&tokens, &body).await else { break };
                    match status {
                        StatusCode::ACCEPTED => {
                            accepted.insert(answer["id"].as_str().unwrap().to_owned());
                        }
                        StatusCode::SERVICE_UNAVAILABLE => refused.send_modify(|refused| *refused += 1),
                        _ => panic!("{status} {answer}"),
                    }
                }
                accepted
            });
        }
        Self { over, refused, publishers }
    }

    /// Waits until an outage has been felt.
    pub(crate) async fn until_refused(&self) {
        let mut refused = self.refused.subscribe();
        let enough = refused.wait_for(|refused| *refused >= REFUSED);
        let felt = tokio::time::timeout(program::PATIENCE, enough).await;
        felt.expect("it should refuse what it can't keep").unwrap();
    }

    /// The ids of what was accepted, when it is over.
    pub(crate) async fn end(self) -> BTreeSet<String> {
        self.over.store(true, Ordering::SeqCst);
        let accepted: BTreeSet<String> = self.publishers.join_all().await.into_iter().flatten().collect();
        eprintln!("{} accepted, {} refused", accepted.len(), *self.refused.borrow());
        accepted
    }
}

/// Lets a server under load meet an outage, and sees that it lost nothing, repeated nothing, said it in a few lines and
/// went on by itself. Gives the lines.
pub(crate) async fn live_through(
    server: Server,
    folder: &Path,
    begin: impl FnOnce(&Server),
    end: impl FnOnce(&Server),
) -> Vec<String> {
    let (listener, account) = (Listener::start().await, account(0));
    server.register(&account, &listener.url("")).await;
    let load = Load::begin(&server, &account);
    listener.until("some deliveries", |arrivals| arrivals.len() > 300).await;
    begin(&server);
    load.until_refused().await;
    end(&server);
    until_accepted(&server, &account, "after").await;
    let came = listener.arrivals().len();
    listener.until("more deliveries", |arrivals| arrivals.len() > came + 300).await;
    let accepted = load.end().await;
    server.account_until(&account, "all delivered", |shown| shown["counts"]["pending"] == 0).await;
    let came = listener.arrivals();
    let ids: BTreeSet<String> = came.iter().map(|arrival| arrival.id.clone()).collect();
    assert!(accepted.is_subset(&ids), "{:?} were lost", accepted.difference(&ids));
    assert_eq!(ids.len(), came.len(), "without a crash nothing is repeated");
    let shown = server.account(&account).await;
    assert_eq!(shown["counts"]["delivered"], ids.len());
    let printed = printed(server);
    assert!(printed.len() <= LINES, "a line for each request: {printed:#?}");
    the_ledger_is_right(folder);
    printed
}

/// What `ringback verify` says.
pub(crate) fn the_ledger_is_right(folder: &Path) {
    let said = program::printed(&program::run(folder, &["verify", "--store", "sqlite:ringback.db"]));
    assert!(said.contains("All is right"), "{said}");
}

/// What the program printed up to its end, about other things than single requests.
pub(crate) fn printed(mut server: Server) -> Vec<String> {
    server.program.signal(rustix::process::Signal::TERM);
    let (status, printed) = server.program.ended();
    assert!(status.success(), "{printed:#?}");
    printed
}

/// Publishes until it is answered with 202.
pub(crate) async fn until_accepted(server: &Server, account: &str, name: &str) {
    let publish = async || {
        let (status, answer) = server.api.publish(&server.tokens, &message(account, name)).await.unwrap();
        if status == StatusCode::ACCEPTED {
            return Ok(());
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        Err(answer.to_string())
    };
    looking::until("a server that accepts again", publish).await;
}
