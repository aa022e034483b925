//! A PostgreSQL server, and the databases of the tests in it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::lodging::Lodging;
use crate::{USER, certificate, looking, program};

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

    /// Stops all its processes where they are, as when its machine's disk gives no answer, until [`Postgres::thaw`].
    pub fn freeze(&self) {
        // One that has just ended needs no stopping.
        for process in self.processes() {
            let _ = kill_process(process, Signal::STOP);
        }
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        for process in self.processes() {
            let _ = kill_process(process, Signal::CONT);
        }
    }

    /// The postmaster first, so that there are no more of them when the others are looked for.
    fn processes(&self) -> impl Iterator<Item = Pid> {
        let file = self.lodging.path().join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        let postmaster: i32 = text.lines().next().unwrap().trim().parse().unwrap();
        let children = move || {
            let list = format!("/proc/{postmaster}/task/{postmaster}/children");
            let list = std::fs::read_to_string(list).unwrap();
            list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<i32>>()
        };
        std::iter::once(postmaster).chain(std::iter::once_with(children).flatten()).filter_map(Pid::from_raw)
    }

    /// A standby of this server, which every commit here waits for from now on.
    pub async fn synchronous_standby(&self) -> Self {
        let lodging = Lodging::new();
        let mut copy = program::command(&self.programs.join("pg_basebackup"));
        copy.args([
            "-h",
            "127.0.0.1",
            "-U",
            USER,
            "-p",
            &self.port.to_string(),
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        ]);
        program::run(copy.arg("--no-sync").arg("-D").arg(lodging.path().join("data")));
        let port = start_copied(&lodging, &self.programs);
        let standby = Self { lodging, programs: self.programs.clone(), port };
        self.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.psql("postgres", "SELECT pg_reload_conf()");
        let streams = async || match self.psql("postgres", "SELECT sync_state FROM pg_stat_replication") {
            state if state == "sync\n" => Ok(()),
            state => Err(format!("{state:?}\n{}", standby.log())),
        };
        looking::until("a standby that streams", streams).await;
        standby
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.lodging.path().join("log")).unwrap()
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

    /// Somebody else's session, which holds a snapshot of the database from now on.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.server.programs, self.server.port, &self.name)
    }

    /// Waits until SQL says yes.
    #[track_caller]
    pub fn until(&self, condition: &str) -> impl Future<Output = ()> {
        let ask = async move || match self.psql(condition).trim() {
            "t" => Ok(()),
            answer => Err(answer.to_owned()),
        };
        looking::until(condition, ask)
    }

    /// Waits until nobody is connected but through psql, and what they did is in the database's statistics.
    pub async fn until_left_alone(&self) {
        let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                          AND application_name <> 'psql' AND backend_type = 'client backend'";
        let left = async || match self.psql(others).trim() {
            "0" => Ok(()),
            count => Err(format!("{count} are connected")),
        };
        looking::until("everybody to leave", left).await;
    }

    /// What was read of a schema's tables, but for some, by those who have left.
    pub fn reads(&self, schema: &str, but_for: &[&str]) -> Reads {
        let but_for = but_for.join("','");
        let of = format!("schemaname = '{schema}' AND relname NOT IN ('{but_for}')");
        let counted = self.psql(&format!(
            "SELECT (SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables WHERE {of})
                 + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE {of}),
                 (SELECT coalesce(sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0)), 0)
                  FROM pg_statio_user_tables WHERE {of})"
        ));
        let (rows, blocks) = counted.trim().split_once('|').unwrap();
        Reads { rows: rows.parse().unwrap(), blocks: blocks.parse().unwrap() }
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

/// What was read: rows of tables and entries of indexes, dead ones too, and blocks of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reads {
    /// Rows and entries.
    pub rows: u64,
    /// Blocks, whether they were in memory or not.
    pub blocks: u64,
}

impl std::ops::Sub for Reads {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { rows: self.rows - before.rows, blocks: self.blocks - before.blocks }
    }
}

/// A session that looks at the database as it was; it ends with this.
pub struct Snapshot {
    psql: Child,
}

impl Snapshot {
    fn take(programs: &Path, port: u16, database: &str) -> Self {
        let port = port.to_string();
        let mut psql = program::command(&programs.join("psql"));
        psql.args(["-XAtq", "-h", "127.0.0.1", "-U", USER, "-p", &port, "-d", database]);
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = psql.stdin.as_mut().unwrap();
        stdin.write_all(b"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 'taken';\n").unwrap();
        let mut line = String::new();
        BufReader::new(psql.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "taken\n");
        Self { psql }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        drop(self.psql.kill());
        drop(self.psql.wait());
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
    start_copied(lodging, programs)
}

/// Starts the server whose data is there, on some port.
fn start_copied(lodging: &Lodging, programs: &Path) -> u16 {
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
    pg_ctl
        .current_dir(lodging.path())
        .arg("-D")
        .arg(lodging.path().join("data"))
        .arg("-l")
        .arg(lodging.path().join("log"));
    pg_ctl.args(["-w", "-s", "-o", &format!("-p {port}"), "start"]);
    // Its outputs would be inherited by the server.
    let status = pg_ctl.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
    if status.unwrap().success() { Ok(()) } else { Err(lodging.log("log")) }
}
