//! A whole API on 127.0.0.1 and a port of its own, with a store in a folder that goes with it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use ringback_delivery::{AccountId, Timestamp};
use ringback_server::api::{
    self, ApiState, EndpointTester, Front, Lent, Limits, Peer, Readiness, TestReport, UrlGuard,
};
use ringback_server::arrivals::Arrivals;
use ringback_server::backpressure::Backpressure;
use ringback_server::clock::Clock;
use ringback_server::console::{self, Console};
use ringback_server::credentials::{self, Issued, NewCredential};
use ringback_server::dispatch::{DispatchSettings, Dispatcher, Inbox, Signing, Tester};
use ringback_server::live::Live;
use ringback_server::metrics::Metrics;
use ringback_server::send::{CallbackUrl, EgressMode, EgressPolicy, Sender, SenderSettings, SystemResolver};
use ringback_server::trace::Tracer;
use ringback_store::sqlite::{self, SqliteOptions, SqliteStore};
use ringback_store::{CommitListener, Dispatching as _, Fresh, Reach, Scopes, Secret, StoreError, Trace};
use ringback_testbed::looking;
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::client::{Answer, Ask, Http};

pub(crate) const ACCOUNT: &str = "0252012345-00001";
pub(crate) const OTHER: &str = "0242078689-00001";

/// What every test's clock starts at: 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

const DATABASE: &str = "ringback.db";

/// However slow the machine is, what is waited for comes within this time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const CALLBACKS: Scopes = Scopes { callbacks: true, publish: false, operate: false };
pub(crate) const PUBLISH: Scopes = Scopes { callbacks: false, publish: true, operate: false };
pub(crate) const OPERATE: Scopes = Scopes { callbacks: false, publish: false, operate: true };

pub(crate) struct Server {
    pub(crate) clock: Clock,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) state: ApiState,
    folder: TempDir,
    settings: Settings,
    address: SocketAddr,
    http: Http,
    stop: oneshot::Sender<()>,
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
    dispatcher: Option<Dispatcher>,
}

/// What a test may set.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) store: sqlite::Limits,
    pub(crate) not_ready: Vec<String>,
    /// Whether callbacks are sent, to any address, and endpoints tried.
    pub(crate) delivers: bool,
    /// What tries endpoints, in place of what does it otherwise.
    pub(crate) tester: Option<Arc<dyn EndpointTester>>,
}

impl Default for Settings {
    fn default() -> Self {
        let store = sqlite::Limits { free_space_reserve: 0, ..sqlite::Limits::default() };
        Self { limits: Limits::default(), store, not_ready: Vec::new(), delivers: false, tester: None }
    }
}

/// A client with a bearer token and a session.
pub(crate) struct User {
    pub(crate) issued: Issued,
    pub(crate) bearer: String,
    pub(crate) session: String,
}

fn peer(_: &HeaderMap) -> Peer {
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    Peer { client: here, local: here, secure: false }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        Self::run(tempfile::tempdir().unwrap(), Clock::manual(START), settings).await
    }

    async fn run(folder: TempDir, clock: Clock, settings: Settings) -> Self {
        let options =
            SqliteOptions { limits: settings.store, ..SqliteOptions::server(folder.path().join(DATABASE)) };
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let arrivals = Arc::new(Arrivals::default());
        let live = Live::new(clock.clone());
        let (dispatcher, inbox, tester) = match settings.delivers {
            true => deliver(&store, &clock, &live),
            false => (None, None, Arc::new(Untested) as Arc<dyn EndpointTester>),
        };
        store.listen(Arc::new(Told { inbox, arrivals: arrivals.clone(), live: live.clone() }));
        let (stopping, stops) = watch::channel(false);
        let lent = Lent {
            urls: Arc::new(Private),
            readiness: Arc::new(Ready(settings.not_ready.clone())),
            tester: settings.tester.clone().unwrap_or(tester),
            arrivals,
            backpressure: Backpressure::default(),
            metrics: Metrics::default(),
            tracer: Tracer::default(),
            stopping: stops,
            hosts: api::HostNames::default(),
        };
        let state = ApiState::new(store.clone(), clock.clone(), settings.limits.clone(), lent);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let console = console::router(Console::new(state.clone(), live));
        let front = Front::of(api::router(state.clone()).merge(console)).with_publishing(state.clone());
        let answering = tower::service_fn(move |request: Request| {
            let front = front.clone();
            async move { Ok::<_, Infallible>(front.answer(request, peer).await) }
        });
        let serving = axum::serve(listener, tower::make::Shared::new(answering))
            .with_graceful_shutdown(async move { stopped.await.unwrap_or_default() });
        let task = tokio::spawn(async move { serving.await.unwrap() });
        let http = Http::new();
        Self { clock, store, state, folder, settings, address, http, stop, stopping, task, dispatcher }
    }

    /// Stops, lets go of the store, and starts again on the same folder and clock, with another port.
    pub(crate) async fn restart(self) -> Self {
        let Self { clock, store, state, folder, settings, http, stop, stopping, task, dispatcher, .. } = self;
        stopping.send_replace(true);
        drop((http, stop));
        task.await.unwrap();
        if let Some(dispatcher) = dispatcher {
            dispatcher.stop(Duration::ZERO).await;
        }
        drop(state);
        // Nothing may hold the store any more, or it could not be opened again.
        assert!(Arc::into_inner(store).is_some(), "something holds the store");
        Self::run(folder, clock, settings).await
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(&self.http, method, format!("http://{}{path}", self.address))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) async fn credential(&self, name: &str, accounts: &[&str], scopes: Scopes) -> Issued {
        self.credential_with(name, accounts, scopes, None).await
    }

    pub(crate) async fn credential_with(
        &self,
        name: &str,
        accounts: &[&str],
        scopes: Scopes,
        password: Option<&str>,
    ) -> Issued {
        let reach = match accounts {
            ["*"] => Reach::Every,
            names => Reach::Accounts(names.iter().map(|name| name.parse().unwrap()).collect()),
        };
        let new = NewCredential {
            name: name.to_owned(),
            scopes,
            reach,
            username: None,
            password: password.map(Secret::new),
        };
        credentials::create(&*self.store, self.clock.now(), new).await.unwrap()
    }

    /// A bearer token of a new credential.
    pub(crate) async fn bearer(&self, name: &str, accounts: &[&str], scopes: Scopes) -> String {
        let issued = self.credential(name, accounts, scopes).await;
        self.token_of(&issued).await
    }

    /// A user of [`ACCOUNT`] with the scope callbacks.
    pub(crate) async fn user(&self) -> User {
        self.user_of("user", &[ACCOUNT], CALLBACKS).await
    }

    pub(crate) async fn user_of(&self, name: &str, accounts: &[&str], scopes: Scopes) -> User {
        let issued = self.credential(name, accounts, scopes).await;
        let bearer = self.token_of(&issued).await;
        let session = self.login(&issued, &bearer).await.ok()["sessionToken"].as_str().unwrap().to_owned();
        User { issued, bearer, session }
    }

    pub(crate) async fn token_of(&self, issued: &Issued) -> String {
        let answer = self.ask_token(&basic(&issued.client_id, issued.client_secret.expose())).await;
        answer.ok()["access_token"].as_str().unwrap().to_owned()
    }

    /// Asks for a token with this Authorization header.
    pub(crate) async fn ask_token(&self, authorization: &str) -> Answer {
        self.ask("POST", "/api/ts/v1/oauth2/token")
            .header("authorization", authorization)
            .body("application/x-www-form-urlencoded", "grant_type=client_credentials")
            .send()
            .await
    }

    pub(crate) async fn login(&self, issued: &Issued, bearer: &str) -> Answer {
        self.login_as(bearer, &issued.username, issued.password.expose()).await
    }

    pub(crate) async fn login_as(&self, bearer: &str, username: &str, password: &str) -> Answer {
        let body = serde_json::json!({"username": username, "password": password});
        self.ask("POST", "/api/m2m/v1/session/login").bearer(bearer).json(body.to_string()).send().await
    }

    /// The callbacks route of an account, with both tokens.
    pub(crate) fn as_user(&self, user: &User, method: &str, path: &str) -> Ask {
        self.ask(method, path).bearer(&user.bearer).session(&user.session)
    }

    /// Registers a callback for an account, past the API.
    pub(crate) async fn register(&self, account: &str) {
        self.register_at(account, "https://10.0.0.1/").await;
    }

    /// The same for a URL, with a user name and a password.
    pub(crate) async fn register_at(&self, account: &str, url: &str) {
        use ringback_store::{Registration, Registrations as _};
        let registration = Registration {
            url: Secret::new(url),
            username: Some(Secret::new("fota-user")),
            password: Some(Secret::new("fota-password")),
        };
        self.store.register(self.clock.now(), account.parse().unwrap(), registration).await.unwrap();
    }

    pub(crate) async fn revoke(&self, name: &str) {
        credentials::revoke(&*self.store, self.clock.now(), name).await.unwrap();
    }

    /// Waits until every outcome is recorded and nothing is under way.
    pub(crate) async fn settled(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        let stats = self.dispatcher.as_ref().expect("a server that delivers").stats();
        let look = async || match (stats.flying.load(Relaxed), stats.unrecorded.load(Relaxed)) {
            (0, 0) => Ok(()),
            (flying, unrecorded) => Err(format!("{flying} under way, {unrecorded} not recorded")),
        };
        looking::within(PATIENCE, "everything to be recorded", look).await;
    }

    /// The database's file.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.folder.path().join(DATABASE)
    }
}

/// A Basic header's value.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// The path of an account's callbacks.
pub(crate) fn callbacks(account: &str) -> String {
    format!("/api/fota/v1/callbacks/{account}")
}

/// Judges as `send` does under `--egress private`, without resolving.
struct Private;

#[async_trait]
impl UrlGuard for Private {
    async fn check(&self, url: &str) -> Result<(), String> {
        let policy = EgressPolicy::new(EgressMode::Private);
        let url = CallbackUrl::parse(url).map_err(|error| error.to_string())?;
        url.precheck(&policy).map_err(|refusal| format!("the URL leads to {refusal}"))
    }
}

/// Tells those who wait and those who watch, and the dispatcher where there is one.
struct Told {
    inbox: Option<Arc<Inbox>>,
    arrivals: Arc<Arrivals>,
    live: Live,
}

impl CommitListener for Told {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.live.accepted(&fresh);
        self.arrivals.came(fresh.iter().map(|fresh| fresh.account));
        if let Some(inbox) = &self.inbox {
            inbox.accepted(fresh);
        }
    }

    fn standing_changed(&self, account: AccountId, standing: ringback_delivery::Standing) {
        if let Some(inbox) = &self.inbox {
            inbox.standing_changed(account, standing);
        }
    }
}

/// A dispatcher that may send anywhere, and what tries endpoints beside it.
fn deliver(
    store: &Arc<SqliteStore>,
    clock: &Clock,
    live: &Live,
) -> (Option<Dispatcher>, Option<Arc<Inbox>>, Arc<dyn EndpointTester>) {
    let policy = Arc::new(EgressPolicy::new(EgressMode::Any));
    let sender = Sender::new(SenderSettings { policy: policy.clone(), ..SenderSettings::default() }).unwrap();
    let inbox = Arc::new(Inbox::default());
    let tester = Tester {
        store: store.clone(),
        sender: sender.clone(),
        signing: Signing::default(),
        clock: clock.clone(),
        policy,
        resolver: Arc::new(SystemResolver::default()),
    };
    let settings = DispatchSettings { live: Some(live.clone()), ..DispatchSettings::default() };
    let dispatcher =
        Dispatcher::start(settings, inbox.clone(), store.clone(), sender, clock.clone()).unwrap();
    (Some(dispatcher), Some(inbox), Arc::new(tester))
}

/// Finds nothing registered: these tests send nothing.
struct Untested;

#[async_trait]
impl EndpointTester for Untested {
    async fn test(&self, _: AccountId, _: Option<Trace>) -> Result<Option<TestReport>, StoreError> {
        Ok(None)
    }
}

struct Ready(Vec<String>);

#[async_trait]
impl Readiness for Ready {
    async fn reasons_against(&self) -> Vec<String> {
        self.0.clone()
    }
}
