//! Three PostgreSQL servers under Patroni and etcd, in synchronous mode: one is the primary, a standby confirms every
//! commit, and when the primary dies Patroni promotes that standby by itself. Of etcd there is one, or there are three.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::lodging::Lodging;
use crate::{USER, looking, postgres, program};

const MEMBERS: usize = 3;
/// Shared memory is files in the data's folder, so that a server that is killed leaves none of it behind.
const MEMORY: &str = "dynamic_shared_memory_type: mmap";
/// For how long a primary that is not heard of is still believed in. Patroni's default is 30 s.
const TTL_SECONDS: u32 = 8;

/// See the module.
pub struct Patroni {
    etcds: Vec<Etcd>,
    etcd: PathBuf,
    members: Vec<Member>,
    programs: PathBuf,
    patroni: PathBuf,
    lodging: Lodging,
}

struct Member {
    name: String,
    port: u16,
    rest_port: u16,
    process: Option<Child>,
}

struct Etcd {
    name: String,
    port: u16,
    peer_port: u16,
    process: Option<Child>,
}

impl Patroni {
    /// A cluster with a primary and a synchronous standby.
    pub async fn start() -> Option<Self> {
        Self::on(1).await
    }

    /// The same with an etcd of three, which may lose its majority.
    pub async fn on_three_etcds() -> Option<Self> {
        Self::on(3).await
    }

    async fn on(etcds: usize) -> Option<Self> {
        let programs = program::postgres()?;
        let patroni = program::find("patroni", "patroni")?;
        let etcd = program::find("etcd", "etcd-server")?;
        let lodging = Lodging::new();
        let etcds: Vec<Etcd> = (1..=etcds)
            .map(|number| Etcd {
                name: format!("e{number}"),
                port: program::free_port(),
                peer_port: program::free_port(),
                process: None,
            })
            .collect();
        let members: Vec<Member> = (1..=MEMBERS)
            .map(|number| Member {
                name: format!("m{number}"),
                port: program::free_port(),
                rest_port: program::free_port(),
                process: None,
            })
            .collect();
        for member in &members {
            lodging.write(&format!("{}.yml", member.name), &settings(member, &lodging, &programs, &etcds));
        }
        let mut cluster = Self { etcds, etcd, members, programs, patroni, lodging };
        cluster.revive_etcd();
        (0..MEMBERS).for_each(|number| cluster.revive(number));
        cluster.until_all_stream().await;
        Some(cluster)
    }

    /// A new database's URL: all members are in it, and the primary is meant.
    pub async fn database(&self, name: &str) -> String {
        let primary = self.primary().await;
        self.psql(primary, "postgres", &format!("CREATE DATABASE {name}"));
        let hosts: Vec<String> =
            self.members.iter().map(|member| format!("127.0.0.1:{}", member.port)).collect();
        format!("postgres://{USER}@{}/{name}?target_session_attrs=read-write", hosts.join(","))
    }

    /// Where all of it keeps its data.
    pub fn folder(&self) -> &Path {
        self.lodging.path()
    }

    /// What psql prints for some SQL on a member.
    pub fn psql(&self, member: usize, database: &str, sql: &str) -> String {
        postgres::psql(&self.programs, self.members[member].port, database, sql)
    }

    /// Which member is the primary, once there is one.
    pub async fn primary(&self) -> usize {
        self.until("have a primary", |states| states.iter().position(|state| state == "leader")).await
    }

    /// Kills the primary's server as an out-of-memory killer would; its Patroni lives. Gives which it was.
    pub async fn kill_the_primarys_server(&self) -> usize {
        let primary = self.primary().await;
        self.kill_server(primary);
        primary
    }

    /// Kills everything of the primary at once, as if its machine were gone, until [`Patroni::revive`]. Gives which it was.
    pub async fn kill_the_primary(&mut self) -> usize {
        let primary = self.primary().await;
        self.kill(primary);
        primary
    }

    /// The same with the standby that confirms commits.
    pub async fn kill_the_synchronous_standby(&mut self) -> usize {
        let find = |states: &[String]| states.iter().position(|state| state == "sync_standby");
        let standby = self.until("have a synchronous standby", find).await;
        self.kill(standby);
        standby
    }

    fn kill(&mut self, member: usize) {
        let mut process = self.members[member].process.take().expect("it runs");
        kill_process_group(Pid::from_child(&process), Signal::KILL).unwrap();
        self.kill_server(member);
        process.wait().unwrap();
    }

    /// Kills so many of etcd's members that the rest are no majority, until [`Patroni::revive_etcd`].
    pub fn kill_etcds_majority(&mut self) {
        for etcd in self.etcds.iter_mut().skip(1) {
            let mut process = etcd.process.take().expect("it runs");
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts what does not run of etcd.
    pub fn revive_etcd(&mut self) {
        let peers = self.etcds.iter().map(|etcd| format!("{}={}", etcd.name, at(etcd.peer_port)));
        let peers = peers.collect::<Vec<_>>().join(",");
        for etcd in self.etcds.iter_mut().filter(|etcd| etcd.process.is_none()) {
            let mut command = etcd_command(&self.etcd, &self.lodging, etcd, &peers);
            etcd.process = Some(self.lodging.start(&format!("{}.log", etcd.name), &mut command));
        }
    }

    /// Whether commits wait where no standby can confirm them; else they are then not waited for.
    pub async fn be_strict(&self, strict: bool) {
        let primary = self.primary().await;
        let body = format!("{{\"synchronous_mode_strict\": {strict}}}");
        let head = format!("PATCH /config HTTP/1.0\r\nContent-Length: {}", body.len());
        let answer = send(self.members[primary].rest_port, &head, &body).await;
        assert!(answer.is_some_and(|(status, _)| status == 200), "the cluster's settings can't be changed");
    }

    /// Waits until all members that run say of themselves that they are no primary.
    pub async fn until_nobody_leads(&self) {
        for member in self.members.iter().filter(|member| member.process.is_some()) {
            let is_none = async || match send(member.rest_port, "GET /primary HTTP/1.0", "").await {
                Some((503, _)) => Ok(()),
                answer => Err(format!("{} answers {answer:?}", member.name)),
            };
            looking::until("all to say that they are no primary", is_none).await;
        }
    }

    /// Starts a member's Patroni, which starts its server.
    pub fn revive(&mut self, member: usize) {
        let member = &mut self.members[member];
        let settings = self.lodging.path().join(format!("{}.yml", member.name));
        let log = format!("{}.log", member.name);
        member.process = Some(self.lodging.start(&log, program::command(&self.patroni).arg(settings)));
    }

    /// Waits until another member than this is the primary.
    pub async fn until_another_leads(&self, than: usize) -> usize {
        self.until("promote a standby", |states| {
            states.iter().position(|state| state == "leader").filter(|leader| *leader != than)
        })
        .await
    }

    /// Waits until there is a standby that confirms every commit.
    pub async fn until_synchronous(&self) {
        self.until("have a synchronous standby", |states| {
            let has = |role: &str| states.iter().any(|state| state == role);
            (has("leader") && has("sync_standby")).then_some(())
        })
        .await;
    }

    /// Waits until every member has its role.
    pub async fn until_all_stream(&self) {
        self.until("have all members", |states| {
            let count = |role: &str| states.iter().filter(|state| *state == role).count();
            (count("leader") == 1 && count("sync_standby") == 1 && count("replica") == MEMBERS - 2)
                .then_some(())
        })
        .await;
    }

    /// Waits for what the members' states are wished to be: `leader`, `sync_standby` or `replica` of what runs.
    async fn until<T>(&self, what: &str, wished: impl Fn(&[String]) -> Option<T>) -> T {
        let look = async || {
            let states = self.states().await;
            wished(&states).ok_or_else(|| format!("{states:?}\n{}", self.logs()))
        };
        looking::until(format!("the cluster to {what}"), look).await
    }

    /// What the members' Patronis said last.
    fn logs(&self) -> String {
        self.members.iter().map(|member| self.lodging.log(&format!("{}.log", member.name))).collect()
    }

    /// What each member is, as the members see it; empty for one that does not run.
    async fn states(&self) -> Vec<String> {
        let mut states = vec![String::new(); MEMBERS];
        for asked in &self.members {
            let Some(cluster) = ask(asked.rest_port, "/cluster").await else { continue };
            for (state, member) in states.iter_mut().zip(&self.members) {
                let shown = cluster["members"].as_array().into_iter().flatten();
                let Some(shown) = shown.into_iter().find(|shown| shown["name"] == *member.name) else {
                    continue;
                };
                if shown["state"] == "running" || shown["state"] == "streaming" {
                    *state = shown["role"].as_str().unwrap_or_default().to_owned();
                }
            }
            // Who is dead may still be in the book, and a leader is one that says so itself.
            for (state, member) in states.iter_mut().zip(&self.members) {
                let is_gone = member.process.is_none()
                    || (state == "leader" && ask(member.rest_port, "/primary").await.is_none());
                if is_gone {
                    state.clear();
                }
            }
            return states;
        }
        states
    }

    fn kill_server(&self, member: usize) {
        let file = self.lodging.path().join(&self.members[member].name).join("postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        let pid = text.lines().next().and_then(|pid| Pid::from_raw(pid.trim().parse().ok()?)).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        let processes = self.members.iter_mut().filter_map(|member| member.process.as_mut());
        for process in processes.chain(self.etcds.iter_mut().filter_map(|etcd| etcd.process.as_mut())) {
            drop(process.kill());
            drop(process.wait());
        }
    }
}

/// A JSON answer with 200 from a member's Patroni.
async fn ask(port: u16, path: &str) -> Option<Value> {
    let (status, body) = send(port, &format!("GET {path} HTTP/1.0"), "").await?;
    if status == 200 { serde_json::from_str(&body).ok() } else { None }
}

/// What a member's Patroni answers, if it does soon: a status and a body.
async fn send(port: u16, head: &str, body: &str) -> Option<(u16, String)> {
    let asking = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let answer = String::from_utf8(answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    };
    tokio::time::timeout(Duration::from_secs(2), asking).await.ok().flatten()
}

fn at(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn etcd_command(program: &Path, lodging: &Lodging, etcd: &Etcd, peers: &str) -> Command {
    let (for_clients, for_peers) = (at(etcd.port), at(etcd.peer_port));
    let mut command = program::command(program);
    command.arg("--data-dir").arg(lodging.path().join(&etcd.name));
    command.args(["--listen-client-urls", &for_clients, "--advertise-client-urls", &for_clients]);
    command.args(["--listen-peer-urls", &for_peers, "--initial-advertise-peer-urls", &for_peers]);
    command.args(["--name", &etcd.name, "--initial-cluster", peers]);
    command
}

fn settings(member: &Member, lodging: &Lodging, programs: &Path, etcds: &[Etcd]) -> String {
    let etcds: Vec<String> = etcds.iter().map(|etcd| format!("127.0.0.1:{}", etcd.port)).collect();
    let etcds = etcds.join(",");
    let Member { name, port, rest_port, .. } = member;
    let (folder, programs) = (lodging.path().display(), programs.display());
    format!(
        "scope: ringback
name: {name}
restapi: {{listen: '127.0.0.1:{rest_port}', connect_address: '127.0.0.1:{rest_port}'}}
etcd3: {{hosts: '{etcds}'}}
bootstrap:
  dcs:
    ttl: {TTL_SECONDS}
    loop_wait: 1
    retry_timeout: 3
    primary_start_timeout: 0
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters: {{max_connections: 200, wal_keep_size: 512MB, wal_log_hints: 'on'}}
  initdb: [{{encoding: UTF8}}, {{locale: C}}, no-sync]
postgresql:
  listen: '127.0.0.1:{port}'
  connect_address: '127.0.0.1:{port}'
  data_dir: {folder}/{name}
  bin_dir: {programs}
  basebackup: [{{checkpoint: fast}}]
  pgpass: {folder}/{name}.pgpass
  authentication:
    superuser: {{username: {USER}}}
    replication: {{username: replicator}}
  parameters: {{unix_socket_directories: {folder}, shared_buffers: 64MB, {MEMORY}}}
  pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
tags: {{nofailover: false, noloadbalance: false, clonefrom: false, nosync: false}}
"
    )
}
