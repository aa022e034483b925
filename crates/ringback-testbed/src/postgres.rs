//! A PostgreSQL server, and the databases of the tests in it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::lodging::Lodging;
use crate::{USER, certificate, program};

/// The server stays as durable as one in production, and as quick as that allows.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 300
shared_buffers = 256MB
max_wal_size = 2GB
fsync = on
synchronous_commit = on
ssl = on
log_checkpoints = off
log_lock_waits = on
autovacuum_naptime = 5s
";
/// Another may have taken the port meanwhile.
const STARTS: usize = 3;

/// A server. Trusts whoever comes from this machine; speaks TLS with a certificate for `localhost`.
pub struct Postgres {
    lodging: Lodging,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    /// The server that all tests of this run share: whatever a test does to its own database is welcome, and nothing else.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            let programs = program::postgres()?;
            let lodging = Lodging::of_this_run(|lodging| {
                let port = start(lodging, &programs);
                lodging.write("port", &port.to_string());
            });
            let port = std::fs::read_to_string(lodging.path().join("port")).unwrap().parse().unwrap();
            Some(Self { lodging, programs, port })
        });
        shared.as_ref()
    }

    /// A server for one test, which may do with it what it likes.
    pub fn own() -> Option<Self> {
        let programs = program::postgres()?;
        let lodging = Lodging::new();
        let port = start(&lodging, &programs);
        Some(Self { lodging, programs, port })
    }

    /// A new, empty database.
    pub fn database(&self) -> Database<'_> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        Database { server: self, name }
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed the server's.
    pub fn ca_file(&self) -> PathBuf {
        self.lodging.path().join("ca.crt")
    }

    /// The folder of its socket.
    pub fn socket_folder(&self) -> &Path {
        self.lodging.path()
    }

    /// Stops it at once and starts it again on the same port.
    pub fn restart(&self) {
        self.stop();
        self.start();
    }

    /// Stops it as a crash would, but for its shared memory.
    pub fn stop(&self) {
        let data = self.lodging.path().join("data");
        let pg_ctl = self.programs.join("pg_ctl");
        program::run(program::command(&pg_ctl).arg("-D").arg(data).args(["-m", "immediate", "-w", "stop"]));
    }

    /// Starts it after a stop.
    pub fn start(&self) {
        pg_ctl_start(&self.lodging, &self.programs, self.port).unwrap();
    }

    /// What psql prints for some SQL: rows as lines, without headings.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        psql(&self.programs, self.port, database, sql)
    }
}

/// A database of a test; dropped with it.
pub struct Database<'a> {
    server: &'a Postgres,
    name: String,
}

impl Database<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.url_at(self.server.port)
    }

    /// Its URL behind something else of this machine that leads to its server.
    pub fn url_at(&self, port: u16) -> String {
        format!("postgres://{USER}@127.0.0.1:{port}/{}", self.name)
    }

    /// What psql prints for some SQL in it, by way of something that leads to its server.
    pub fn psql_at(&self, port: u16, sql: &str) -> String {
        psql(&self.server.programs, port, &self.name, sql)
    }

    /// Its server.
    pub fn server(&self) -> &Postgres {
        self.server
    }

    /// What psql prints for some SQL in it.
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // Where the server is gone, or the test panics, its lodging's end is the database's too.
        if !std::thread::panicking() {
            self.server.psql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

/// Runs SQL through psql.
pub(crate) fn psql(programs: &Path, port: u16, database: &str, sql: &str) -> String {
    let port = port.to_string();
    let mut psql = program::command(&programs.join("psql"));
    psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", USER]);
    program::run(psql.args(["-p", &port, "-d", database, "-c", sql]))
}

fn start(lodging: &Lodging, programs: &Path) -> u16 {
    let data = lodging.path().join("data");
    let mut initdb = program::command(&programs.join("initdb"));
    initdb.arg("-D").arg(&data).args(["--no-sync", "--no-instructions", "-A", "trust", "-U", USER]);
    program::run(initdb.args(["-E", "UTF8", "--locale=C"]));
    certificate::write(lodging);
    let folder = lodging.path().display();
    let places = format!(
        "unix_socket_directories = '{folder}'\nssl_cert_file = '{folder}/server.crt'\nssl_key_file = '{folder}/server.key'\n"
    );
    lodging.write("data/postgresql.auto.conf", &format!("{SETTINGS}{places}"));
    let mut failed = String::new();
    for _ in 0..STARTS {
        let port = program::free_port();
        match pg_ctl_start(lodging, programs, port) {
            Ok(()) => return port,
            Err(why) => failed = why,
        }
    }
    panic!("PostgreSQL does not start: {failed}");
}

fn pg_ctl_start(lodging: &Lodging, programs: &Path, port: u16) -> Result<(), String> {
    let mut pg_ctl = program::command(&programs.join("pg_ctl"));
    pg_ctl.arg("-D").arg(lodging.path().join("data")).arg("-l").arg(lodging.path().join("log"));
    pg_ctl.args(["-w", "-s", "-o", &format!("-p {port}"), "start"]);
    // Its outputs would be inherited by the server.
    let status = pg_ctl.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
    if status.unwrap().success() { Ok(()) } else { Err(lodging.log("log")) }
}
