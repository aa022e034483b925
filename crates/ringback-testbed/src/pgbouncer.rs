//! PgBouncer, in transaction mode unless said: each transaction may meet another of the server's sessions. It speaks TLS with clients that
//! want it.

use std::path::PathBuf;
use std::process::Child;
use std::thread;

use tokio::net::TcpStream;

use crate::lodging::Lodging;
use crate::postgres::{Database, Postgres};
use crate::{USER, certificate, looking, program};

/// Fewer than the nodes of a test have connections, so that they really share.
const SERVER_CONNECTIONS: u32 = 8;
/// In session mode as many as come.
const SESSIONS: u32 = 100;
/// Where it listens by default,
const PORT: u16 = 6432;
/// and where its users are.
const USERS: &str = "/etc/pgbouncer/userlist.txt";

/// See the module.
pub struct PgBouncer {
    lodging: Lodging,
    child: Child,
    port: u16,
}

impl PgBouncer {
    /// A pooler before this server, for all its databases.
    pub async fn start(server: &Postgres) -> Option<Self> {
        Self::before(server, "transaction", SERVER_CONNECTIONS).await
    }

    /// One in session mode: who comes has a session until it goes.
    pub async fn in_session_mode(server: &Postgres) -> Option<Self> {
        Self::before(server, "session", SESSIONS).await
    }

    async fn before(server: &Postgres, mode: &str, connections: u32) -> Option<Self> {
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server_port}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {PORT}\nunix_socket_dir =\nauth_type = trust\n\
             auth_file = {USERS}\npool_mode = {mode}\ndefault_pool_size = {connections}\n\
             max_client_conn = 500\nlog_connections = 0\nlog_disconnections = 0\n",
            server_port = server.port(),
        );
        Self::run(&settings, &format!("\"{USER}\" \"\"\n"), true).await
    }

    /// One with these settings and users. Where they say `listen_port = 6432` and `/etc/pgbouncer/userlist.txt`, as an
    /// example would, a port from the system takes the place, and the file of the users.
    pub async fn with(settings: &str, users: &str) -> Option<Self> {
        Self::run(settings, users, false).await
    }

    async fn run(settings: &str, users: &str, speaks_tls: bool) -> Option<Self> {
        let pgbouncer = program::find("pgbouncer", "pgbouncer")?;
        let (lodging, port) = (Lodging::new(), program::free_port());
        let users = lodging.write("users", users);
        let listens_at = format!("listen_port = {PORT}\n");
        assert!(settings.contains(&listens_at) && settings.contains(USERS), "{settings}");
        let mut settings = settings
            .replace(&listens_at, &format!("listen_port = {port}\n"))
            .replace(USERS, users.to_str().unwrap());
        if speaks_tls {
            certificate::write(&lodging);
            let folder = lodging.path().display();
            settings += &format!(
                "client_tls_sslmode = allow\nclient_tls_cert_file = {folder}/server.crt\n\
                 client_tls_key_file = {folder}/server.key\n"
            );
        }
        let settings = lodging.write("pgbouncer.ini", &settings);
        let child = lodging.start("log", program::command(&pgbouncer).arg(settings));
        let connects = async || match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{error}\n{}", lodging.log("log"))),
        };
        looking::until("PgBouncer to listen", connects).await;
        Some(Self { lodging, child, port })
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed its own, which is for `localhost`.
    pub fn ca_file(&self) -> PathBuf {
        self.lodging.path().join("ca.crt")
    }

    /// A database's URL through it.
    pub fn url(&self, database: &Database<'_>) -> String {
        database.url_at(self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if thread::panicking() {
            let ended = self.child.try_wait();
            eprintln!("PgBouncer ({ended:?}) said:\n{}", self.lodging.log("log"));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
