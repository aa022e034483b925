//! Three nodes, their load, and who watches them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use http::{Method, StatusCode};
use ringback_store::{PostgresHost, PostgresOptions, PostgresStore, Role, SealingKey};
use ringback_testbed::{Database, looking};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::api::{Api, Secrets};
use crate::books::{Books, Kill};
use crate::crashes::moody_listener;
use crate::listener::Listener;
use crate::program::{Program, command, printed, run_with};
use crate::publishers::{Fence, Lives, Published, publish, register, turn_over};
use crate::stage::{SERVE, account, message, seed};

pub(super) const NODES: usize = 3;
/// So many that every node has shards of some.
const ACCOUNTS: usize = 24;
/// And accounts that get one message each when a story asks whether all is well.
const PROBES: usize = 24;
/// And one for what is published while the store is away.
const REFUSED: usize = ACCOUNTS + PROBES;
const PUBLISHERS: usize = 6;
/// What a node holds that is not heard of is taken by the others after this.
pub(super) const LEASE: Duration = Duration::from_secs(6);
/// A node that finds out looks again this often, and so does one that has too little.
pub(super) const RENEWED_EVERY: Duration = Duration::from_secs(1);
/// How long an attempt may take ([`SETTINGS`]).
pub(super) const LONGEST_REQUEST: Duration = Duration::from_secs(2);
/// For everything else, on a machine with other things to do.
pub(super) const SLACK: Duration = Duration::from_secs(4);
/// An attempt begins only where the lease outlasts it.
const SETTINGS: [&str; 6] = ["--lease-term", "6s", "--request-timeout", "2s", "--connect-timeout", "1s"];
/// A publisher asks another node when one has not answered for so long: semantics have 503 after 2 s.
const PUBLISHERS_WAIT: Duration = Duration::from_secs(3);
/// In a cluster a deregistration has its effect everywhere within this.
const FENCE_EFFECT: Duration = Duration::from_secs(1);
const KEY: &str = "abababababababababababababababababababababababababababababababab";

struct Node {
    program: Program,
    api: Api,
}

/// A node that was asked to stop.
pub(super) struct Stopping {
    program: Program,
    pub(super) asked: Instant,
}

impl Stopping {
    /// Waits until it has.
    pub(super) fn end(mut self) {
        let (status, printed) = self.program.ended();
        assert!(status.success(), "{status}");
        assert_no_faults(&printed);
    }
}

/// See the module.
pub(super) struct Cluster {
    folder: TempDir,
    /// Each node's store, as its own line leads there.
    stores: Vec<String>,
    settings: Vec<&'static str>,
    /// The build that nodes are started with; none is this one.
    build: Option<PathBuf>,
    nodes: Vec<Option<Node>>,
    apis: watch::Sender<Vec<Api>>,
    lives: Lives,
    over: Arc<AtomicBool>,
    publishers: JoinSet<Published>,
    operator: JoinHandle<Vec<Fence>>,
    listener: Arc<Listener>,
    probed: Listener,
    /// What was refused may have been accepted all the same: then it goes here, and is in nobody's books.
    _refused: Listener,
    probes: usize,
    kills: Vec<Kill>,
    pub(super) rng: Rng,
}

impl Cluster {
    /// Starts a node on each of these stores, which are the same one, and the load.
    pub(super) async fn start(stores: Vec<String>, more: &[&'static str]) -> Self {
        Self::start_as(None, stores, more).await
    }

    /// The same with another build.
    pub(super) async fn start_as(build: Option<PathBuf>, stores: Vec<String>, more: &[&'static str]) -> Self {
        let mut rng = Rng::with_seed(seed());
        let folder = tempfile::tempdir().unwrap();
        let settings = [&SERVE[..], &SETTINGS, more].concat();
        let mut nodes = Vec::new();
        // The first one makes the schema.
        for store in &stores {
            nodes.push(Some(start(build.as_deref(), &folder, store, &settings)));
        }
        let listener = Arc::new(moody_listener(rng.u64(..)).await);
        let all = nodes.iter().flatten().map(|node| node.api.clone()).collect();
        let (apis, asked) = watch::channel(all);
        let tokens =
            nodes[0].as_ref().unwrap().api.log_in(&credential(build.as_deref(), &folder, &stores[0])).await;
        let over = Arc::new(AtomicBool::new(false));
        let mut lives = Lives::new(asked, tokens, over.clone());
        lives.waits = PUBLISHERS_WAIT;
        let (probed, refused) = (Listener::start().await, Listener::start().await);
        for number in 0..=REFUSED {
            let listener = match number {
                REFUSED => &refused,
                ACCOUNTS.. => &probed,
                _ => &*listener,
            };
            register(&mut lives, number, &listener.url(&account(number))).await;
        }
        let mut publishers = JoinSet::new();
        for publisher in 0..PUBLISHERS {
            publishers.spawn(publish(lives.clone(), publisher, ACCOUNTS, rng.fork()));
        }
        let turning = turn_over(lives.clone(), listener.clone(), ACCOUNTS, FENCE_EFFECT, rng.fork());
        Self {
            folder,
            stores,
            settings,
            build,
            nodes,
            apis,
            lives,
            over,
            publishers,
            operator: tokio::spawn(turning),
            listener,
            probed,
            _refused: refused,
            probes: 0,
            kills: Vec::new(),
            rng,
        }
    }

    pub(super) fn program(&self, node: usize) -> &Program {
        &self.nodes[node].as_ref().unwrap().program
    }

    pub(super) fn api(&self, node: usize) -> &Api {
        &self.nodes[node].as_ref().unwrap().api
    }

    /// The load goes on for a while, and nothing else happens.
    pub(super) async fn go_on(&mut self, milliseconds: std::ops::Range<u64>) {
        let time = self.rng.u64(milliseconds);
        tokio::time::sleep(Duration::from_millis(time)).await;
    }

    /// Kills a node as a power cut would.
    pub(super) fn kill(&mut self, node: usize) {
        let mut killed = self.nodes[node].take().unwrap();
        let at = Instant::now();
        killed.program.kill();
        self.had_trouble(at);
        self.tell_the_publishers();
        let (_, printed) = killed.program.ended();
        assert_no_faults(&printed);
    }

    /// Asks a node to stop. The load is the others' from then on.
    pub(super) fn ask_to_stop(&mut self, node: usize) -> Stopping {
        let Node { program, .. } = self.nodes[node].take().unwrap();
        self.tell_the_publishers();
        let asked = Instant::now();
        program.signal(Signal::TERM);
        Stopping { program, asked }
    }

    /// Starts a node anew in its place.
    pub(super) fn revive(&mut self, node: usize) {
        let build = self.build.as_deref();
        self.nodes[node] = Some(start(build, &self.folder, &self.stores[node], &self.settings));
        self.tell_the_publishers();
    }

    /// Nodes are started with this build from now on.
    pub(super) fn upgrade(&mut self) {
        self.build = None;
    }

    /// From `at` until now outcomes may have been lost.
    pub(super) fn had_trouble(&mut self, at: Instant) {
        self.kills.push(Kill { at, gone: Instant::now(), writes_late: false });
    }

    /// The same, and what was begun before may have arrived behind what came since.
    pub(super) fn was_asleep(&mut self, at: Instant) {
        self.kills.push(Kill { at, gone: Instant::now(), writes_late: true });
    }

    fn tell_the_publishers(&self) {
        self.apis.send_replace(self.nodes.iter().flatten().map(|node| node.api.clone()).collect());
    }

    /// Publishes a message for each of many accounts, and waits for all of them; that has to be within a time from `since`
    /// on.
    pub(super) async fn is_at_full_speed(&mut self, since: Instant, within: Duration) {
        self.probes += 1;
        let awaited = self.probes * PROBES;
        let mut publishing = JoinSet::new();
        for number in ACCOUNTS..ACCOUNTS + PROBES {
            let (mut lives, mut body) = (self.lives.clone(), message(&account(number), "probe"));
            body["idempotencyKey"] = json!(format!("probe{}", self.probes));
            publishing.spawn(async move {
                lives.insist(Method::POST, "/api/ringback/v1/messages", Some(&body)).await
            });
        }
        for (status, answer) in publishing.join_all().await {
            assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        }
        let arrived = |arrivals: &[crate::listener::Arrival]| {
            let ids: std::collections::HashSet<&str> = arrivals.iter().map(|arrival| &*arrival.id).collect();
            ids.len() >= awaited
        };
        self.probed.until("a message for each account", arrived).await;
        let took = since.elapsed();
        eprintln!("all accounts' messages arrive after {took:?}");
        assert!(took <= within, "back to full speed after {took:?}, and {within:?} is promised");
    }

    /// Waits until every node that lives holds about its share of the shards.
    pub(super) async fn shares_evenly(&self, database: &Database<'_>) {
        let lives = self.nodes.iter().flatten().count();
        let begun = Instant::now();
        let look = async || {
            let rows =
                database.psql("SELECT count(*) FROM ringback.shard WHERE owner IS NOT NULL GROUP BY owner");
            let shares: Vec<usize> = rows.lines().map(|count| count.parse().unwrap()).collect();
            let even = 1024_usize.div_ceil(lives);
            let is_even = shares.len() == lives
                && shares.iter().sum::<usize>() == 1024
                && shares.iter().all(|share| *share <= even);
            if is_even { Ok(()) } else { Err(format!("{shares:?}")) }
        };
        looking::until("even shares", look).await;
        eprintln!("{lives} nodes share evenly after {:?}", begun.elapsed());
    }

    /// Ends the load, waits until all that was accepted has arrived, stops the nodes, and checks the books.
    pub(super) async fn end(self) {
        let store = self.stores[0].clone();
        self.end_and_look_at(&store).await;
    }

    /// The same, with the books of the store at this URL.
    pub(super) async fn end_and_look_at(mut self, store: &str) {
        self.over.store(true, Ordering::SeqCst);
        let published = self.publishers.join_all().await;
        let fences = self.operator.await.unwrap();
        let books = Books::new(published, self.kills, fences);
        books.until_all_arrived(&self.listener, &mut self.lives, ACCOUNTS).await;
        // What is under way is finished, so that late duplicates are seen too.
        for node in self.nodes.iter_mut().flatten() {
            node.program.signal(Signal::TERM);
        }
        for node in self.nodes.iter_mut().flatten() {
            let (status, printed) = node.program.ended();
            assert!(status.success(), "{status}");
            assert_no_faults(&printed);
        }
        books.check(&self.listener.arrivals(), FENCE_EFFECT);
        let opened = PostgresStore::connect(options(store)).await.unwrap();
        books.check_the_store(&opened, ACCOUNTS, ACCOUNTS - 1).await;
        drop(opened);
        let verify = ["verify", "--store", store];
        printed(&run_with(self.folder.path(), &verify, &[("RINGBACK_KEY", KEY)], ""));
    }
}

fn start(build: Option<&Path>, folder: &TempDir, store: &str, settings: &[&str]) -> Node {
    let args = [settings, &["--store", store]].concat();
    let mut program = Program::spawn(command_of(build, folder, &args));
    let api = Api::new(&program.url());
    Node { program, api }
}

/// A credential that may do everything.
fn credential(build: Option<&Path>, folder: &TempDir, store: &str) -> Secrets {
    let args = ["credentials", "create", "--store", store, "--name", "t", "--account", "*"];
    let more = ["--scope", "callbacks,publish,operate", "--json"];
    let made = command_of(build, folder, &[&args[..], &more].concat()).output().unwrap();
    serde_json::from_str(&printed(&made)).unwrap()
}

/// A build's program with the key.
fn command_of(build: Option<&Path>, folder: &TempDir, args: &[&str]) -> Command {
    let this = command(folder.path(), args);
    let mut command = Command::new(build.unwrap_or(Path::new(this.get_program())));
    command.args(args).current_dir(folder.path()).env_clear().env("RINGBACK_KEY", KEY);
    command.envs(this.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// What opens the store that an URL of the testbed names.
fn options(url: &str) -> PostgresOptions {
    let rest = url.strip_prefix("postgres://").unwrap();
    let (user, rest) = rest.split_once('@').unwrap();
    let (hosts, rest) = rest.split_once('/').unwrap();
    let database = rest.split('?').next().unwrap();
    let mut options = PostgresOptions::server("", 0, database, user, SealingKey::from_hex(KEY).unwrap());
    let host = |text: &str| {
        let (host, port) = text.split_once(':').unwrap();
        PostgresHost { host: host.to_owned(), port: port.parse().unwrap() }
    };
    options.hosts = hosts.split(',').map(host).collect();
    options.role = Role::Admin;
    options.pooler = true;
    options
}

fn assert_no_faults(printed: &[String]) {
    let faults: Vec<_> = printed.iter().filter(|line| line.contains("panicked")).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

/// How a node answers a publish that it can't accept, and after how long.
pub(super) async fn refusal(cluster: &Cluster, node: usize) -> (StatusCode, Duration) {
    let begun = Instant::now();
    let status = refused_publish(cluster, node).await;
    (status, begun.elapsed())
}

/// How a node answers a publish that it can't accept.
pub(super) fn refused_publish(
    cluster: &Cluster,
    node: usize,
) -> impl Future<Output = StatusCode> + Send + use<> {
    let (api, tokens) = (cluster.api(node).clone(), cluster.lives.tokens.clone());
    let mut body = message(&account(REFUSED), "refused");
    body["idempotencyKey"] = json!("refused");
    async move {
        let (status, answer) = api.publish(&tokens, &body).await.unwrap();
        assert_ne!(answer["status"], "queued");
        status
    }
}
