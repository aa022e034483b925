//! Coming to a connection: which server, by what way, and not too often.
//!
//! The server that took writes last is asked first, then the others in their order, each once the one before has refused or
//! has been silent for a moment ([`race`](super::race)): so a machine that is off keeps nobody from the one that works.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::canceller::Canceller;
use super::fault::Fault;
use super::link::{Link, args};
use super::options::{PostgresHost, PostgresOptions, PostgresTls};
use super::{race, tls};

/// How long after a failure the next try may come: doubled each time up to the longest.
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(2);
/// All addresses together may take so long.
const ALTOGETHER: Duration = Duration::from_secs(5);

type BackOff = Mutex<Option<(Instant, Duration)>>;

/// A try to connect. It has failed unless it is said that it succeeded: whoever wanted it may have stopped waiting.
struct Try<'a>(Option<&'a BackOff>);

impl Try<'_> {
    fn succeeded(mut self) {
        if let Some(back_off) = self.0.take() {
            *back_off.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        if let Some(back_off) = self.0 {
            let mut back_off = back_off.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = back_off.map_or(FIRST_BACK_OFF, |(_, wait)| (wait * 2).min(LONGEST_BACK_OFF));
            *back_off = Some((Instant::now(), wait));
        }
    }
}

/// Makes connections.
pub(super) struct Connector {
    hosts: Vec<PostgresHost>,
    /// The one of them that took writes last.
    last: AtomicUsize,
    /// How long one address may take to take writes, or to say that it does not.
    for_each: Duration,
    /// What is asked of a server. A pooler refuses some of it.
    of_a_server: Config,
    of_a_pooler: Config,
    tls: Option<MakeRustlsConnect>,
    /// Whether a pooler stands between: because that was said, or because one refused what is asked of a server.
    is_pooled: AtomicBool,
    back_off: BackOff,
}

impl Connector {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, String> {
        let mut config = Config::new();
        config
            .user(&options.user)
            .dbname(&options.database)
            .application_name(&options.application_name)
            .connect_timeout(options.connect_timeout)
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(10));
        if let Some(password) = &options.password {
            config.password(password.expose());
        }
        let tls = match &options.tls {
            PostgresTls::Off => {
                config.ssl_mode(SslMode::Disable);
                None
            }
            PostgresTls::VerifyFull { ca } => {
                config.ssl_mode(SslMode::Require);
                Some(tls::verifying(ca.as_deref())?)
            }
        };
        let of_a_pooler = config.clone();
        // Compiling a plan takes longer than any of our statements.
        config.options("-c jit=off");
        // Where there is no other to look for, a slow one is waited for.
        let for_each = if options.hosts.len() > 1 { options.connect_timeout } else { ALTOGETHER };
        Ok(Self {
            hosts: options.hosts.clone(),
            last: AtomicUsize::new(0),
            for_each,
            of_a_server: config,
            of_a_pooler,
            tls,
            is_pooled: AtomicBool::new(options.pooler),
            back_off: Mutex::default(),
        })
    }

    /// Whether a pooler is known to stand between, so that a session may be another's in the next moment.
    pub(super) fn is_pooled(&self) -> bool {
        self.is_pooled.load(Ordering::Relaxed)
    }

    /// A connection to a server that takes writes and keeps what it has taken.
    pub(super) async fn connect(&self, hint: Option<Arc<Notify>>) -> Result<Link, Fault> {
        if self.holds_off() {
            return Err(Fault::unavailable("the database can't be reached; it is tried again shortly"));
        }
        let attempt = Try(Some(&self.back_off));
        let connected = match tokio::time::timeout(ALTOGETHER, self.reach(hint)).await {
            Ok(connected) => connected,
            Err(_) => Err(Fault::unavailable("the database does not answer")),
        };
        if connected.is_ok() {
            attempt.succeeded();
        }
        connected
    }

    fn holds_off(&self) -> bool {
        let back_off = self.back_off.lock().unwrap_or_else(PoisonError::into_inner);
        back_off.is_some_and(|(failed, wait)| failed.elapsed() < wait)
    }

    async fn reach(&self, hint: Option<Arc<Notify>>) -> Result<Link, Fault> {
        let link = match self.come(hint.clone()).await {
            Err(fault) if !self.is_pooled() && is_a_pooler_s(&fault) => {
                tracing::info!(
                    "a pooler stands before the database: from now on all is as with store-pooler"
                );
                self.is_pooled.store(true, Ordering::Relaxed);
                self.come(hint).await?
            }
            come => come?,
        };
        if let Some(setting) = unsafe_setting(&link).await? {
            return Err(Fault::unavailable(setting));
        }
        Ok(link)
    }

    /// A connection to the first host that takes writes.
    async fn come(&self, hint: Option<Arc<Notify>>) -> Result<Link, Fault> {
        let last = self.last.load(Ordering::Relaxed);
        let others = (0..self.hosts.len()).filter(|at| *at != last);
        let (mut ways, hint) = (Vec::with_capacity(self.hosts.len()), &hint);
        for at in std::iter::once(last).chain(others) {
            let Some(host) = self.hosts.get(at) else { continue };
            ways.push(async move { Ok((at, self.come_to(host, hint).await?)) });
        }
        let (at, link) = race::first_of(ways).await?;
        self.last.store(at, Ordering::Relaxed);
        Ok(link)
    }

    async fn come_to(&self, host: &PostgresHost, hint: &Option<Arc<Notify>>) -> Result<Link, Fault> {
        if host.host.starts_with('/') {
            return self.in_time(host, None, hint).await;
        }
        let found = tokio::time::timeout(self.for_each, tokio::net::lookup_host((&*host.host, host.port)));
        let addresses = found.await.map_err(|_| silent(host))?;
        let addresses = addresses.map_err(|error| {
            Fault::unavailable(format!("the address of {} is not found: {error}", host.host))
        })?;
        race::first_of(addresses.map(|address| self.in_time(host, Some(address.ip()), hint))).await
    }

    async fn in_time(
        &self,
        host: &PostgresHost,
        address: Option<IpAddr>,
        hint: &Option<Arc<Notify>>,
    ) -> Result<Link, Fault> {
        let reached = tokio::time::timeout(self.for_each, self.reach_at(host, address, hint.clone())).await;
        reached.unwrap_or_else(|_| Err(silent(host)))
    }

    async fn reach_at(
        &self,
        host: &PostgresHost,
        address: Option<IpAddr>,
        hint: Option<Arc<Notify>>,
    ) -> Result<Link, Fault> {
        let is_pooled = self.is_pooled();
        let mut config = if is_pooled { self.of_a_pooler.clone() } else { self.of_a_server.clone() };
        config.host(&host.host).port(host.port);
        if let Some(address) = address {
            config.hostaddr(address);
        }
        let canceller = |token| Canceller::new(token, self.tls.clone());
        Ok(match &self.tls {
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                Link::new(client, connection, !is_pooled, canceller, hint)
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                Link::new(client, connection, !is_pooled, canceller, hint)
            }
        })
    }
}

fn silent(PostgresHost { host, port }: &PostgresHost) -> Fault {
    Fault::unavailable(format!("{host}:{port} does not answer"))
}

/// Whether a pooler refused to begin a session with settings.
fn is_a_pooler_s(fault: &Fault) -> bool {
    let Fault::Sql(error) = fault else { return false };
    let message = error.as_db_error().map(|error| error.message()).unwrap_or_default();
    message.starts_with("unsupported startup parameter") && message.contains("options")
}

/// What about the server would break the promise that accepted is kept.
async fn unsafe_setting(link: &Link) -> Result<Option<String>, Fault> {
    let row = link
        .row(
            "SELECT current_setting('server_version_num')::int, current_setting('fsync'),
                    current_setting('synchronous_commit'), current_setting('server_encoding'),
                    current_setting('default_transaction_isolation')",
            args![],
        )
        .await?;
    let (version, fsync): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    let (commit, encoding): (String, String) = (row.try_get(2)?, row.try_get(3)?);
    let isolation: String = row.try_get(4)?;
    Ok(if version < 150_000 {
        Some(format!("it is PostgreSQL {}, and 15 is the oldest that works", version / 10_000))
    } else if fsync != "on" {
        Some("fsync is off, so that a power cut loses what was accepted: switch it on".to_owned())
    } else if !matches!(commit.as_str(), "on" | "remote_apply") {
        let wanted = "set it to on, or to remote_apply";
        Some(format!("synchronous_commit is {commit}, so that a crash loses what was accepted: {wanted}"))
    } else if isolation != "read committed" {
        // What waits for a lock has to see what was committed meanwhile.
        let wanted = "set it to read committed for this role and database";
        Some(format!(
            "default_transaction_isolation is {isolation}, and nodes would not see what others did: {wanted}"
        ))
    } else if encoding != "UTF8" {
        Some(format!("its encoding is {encoding}: make the database with UTF8"))
    } else {
        None
    })
}
