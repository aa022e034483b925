//! The files of `deploy/several-machines/`, each given to the program that it is for, with addresses and folders of a test.

use std::net::TcpListener;
use std::path::Path;

use ringback_testbed::{PgBouncer, Postgres};

use crate::program::{Program, printed, run_with};
use crate::tools::{deploy, tool};

const KEY: &str = "4545454545454545454545454545454545454545454545454545454545454545";

fn read(path: &str) -> String {
    std::fs::read_to_string(deploy("several-machines").join(path)).unwrap()
}

/// Ports that are free now, on addresses of this machine.
fn listeners<const N: usize>(addresses: [&str; N]) -> [TcpListener; N] {
    addresses.map(|address| TcpListener::bind((address, 0)).unwrap())
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

#[test]
fn nginx_takes_the_file_of_the_guide() {
    let Some(mut nginx) = tool("nginx") else { return };
    let folder = tempfile::tempdir().unwrap();
    crate::deploy::certificate(folder.path(), "callbacks.example.com");
    let [free] = listeners(["127.0.0.1"]);
    let listen = format!("listen 127.0.0.1:{} ssl", port(&free));
    drop(free);
    let example = read("nginx.conf")
        .replace("/etc/ringback/tls/", &format!("{}/", folder.path().display()))
        .replace("listen 443 ssl", &listen);
    assert!(example.contains(&listen));
    let said = crate::deploy::nginx_says(&mut nginx, folder.path(), &example);
    assert!(!said.contains("[warn]"), "{said}");
}

#[test]
fn patroni_takes_the_file_of_the_guide() {
    let Some(mut patroni) = tool("patroni") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut example = read("patroni.yml")
        .replace("/var/lib/postgresql", folder.path().to_str().unwrap())
        .replace("10.0.0.11,127.0.0.1:5432", "10.0.0.11:5432");
    // It looks whether etcd is there, and whether the ports that it will need are free.
    let etcd = listeners(["127.0.0.11", "127.0.0.12", "127.0.0.13"]);
    for (place, socket) in ["10.0.0.11", "10.0.0.12", "10.0.0.13"].iter().zip(&etcd) {
        example = example.replace(&format!("{place}:2379"), &socket.local_addr().unwrap().to_string());
    }
    let own = listeners(["127.0.0.11", "127.0.0.11"]);
    example = example
        .replace("10.0.0.11:8008", &own[0].local_addr().unwrap().to_string())
        .replace("10.0.0.11:5432", &own[1].local_addr().unwrap().to_string());
    drop(own);
    let file = folder.path().join("patroni.yml");
    std::fs::write(&file, example).unwrap();
    let output = patroni.arg("--validate-config").arg(&file).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // Patroni 3.0 asks for it, though `postgresql.pg_hba` takes its place; the guide says so.
    let faults: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("bootstrap.pg_hba"))
        .collect();
    assert_eq!(faults, [""; 0]);
}

#[test]
fn etcd_starts_with_the_file_of_the_guide() {
    use std::io::{BufRead as _, BufReader};
    let Some(mut etcd) = tool("etcd") else { return };
    let folder = tempfile::tempdir().unwrap();
    let [peers, clients] = listeners(["127.0.0.1", "127.0.0.1"]);
    // The others of the three are not there: it would wait for them.
    let example = read("etcd.conf.yml")
        .replace(",db2=http://10.0.0.12:2380,db3=http://10.0.0.13:2380", "")
        .replace(",http://127.0.0.1:2379", "")
        .replace("10.0.0.11:2380", &peers.local_addr().unwrap().to_string())
        .replace("10.0.0.11:2379", &clients.local_addr().unwrap().to_string())
        .replace("/var/lib/etcd", folder.path().to_str().unwrap());
    assert!(!example.contains("//10.0.0."), "{example}");
    drop((peers, clients));
    let file = folder.path().join("etcd.conf.yml");
    std::fs::write(&file, example).unwrap();
    etcd.arg("--config-file").arg(&file).stdin(std::process::Stdio::null());
    let mut child =
        etcd.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let serves = lines.take(1000).any(|line| {
        said.push(line);
        said.last().is_some_and(|line| line.contains("ready to serve client requests"))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(serves, "{}", said.join("\n"));
}

#[tokio::test]
async fn ringback_works_through_pgbouncer_with_the_file_of_the_guide() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let server = format!("host=localhost port={} dbname={}", postgres.port(), database.name());
    let example = read("pgbouncer.ini")
        .replace("host=db-primary port=5432 dbname=ringback", &server)
        .replace("/etc/ringback-db/ca.crt", postgres.ca_file().to_str().unwrap());
    assert!(example.contains(&server));
    let Some(pooler) = PgBouncer::with(&example, "\"ringback\" \"opens the pooler\"\n").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = format!("postgres://ringback@127.0.0.1:{}/ringback", pooler.port());
    let mut serving = Program::start_with(
        folder.path(),
        &["serve", "--listen", "127.0.0.1:0", "--store", &store, "--store-pooler"],
        &[("RINGBACK_KEY", KEY), ("PGPASSWORD", "opens the pooler")],
    );
    serving.url();
    let tables =
        database.psql("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'ringback'");
    assert_ne!(tables.trim(), "0");
    assert!(serving.stop().success());
}

fn guide() -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/several-machines.md");
    std::fs::read_to_string(guide).unwrap()
}

/// The first block of the guide in this language that holds a text.
fn block(language: &str, with: &str) -> String {
    let (guide, fence) = (guide(), format!("```{language}\n"));
    let mut blocks = guide.split(&fence).skip(1).map(|rest| rest.split_once("```").unwrap().0);
    blocks.find(|block| block.contains(with)).unwrap_or_else(|| panic!("no block with {with}")).to_owned()
}

#[test]
fn the_certificates_of_the_guide_are_for_whoever_its_files_ask_for() {
    let Some(mut openssl) = tool("openssl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("bash")
        .args(["-euc", &block("sh", "openssl req -x509")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(openssl.arg("version").output().unwrap().status.success());
    let is_for = |certificate: &str, name: &str| {
        let mut openssl = tool("openssl").unwrap();
        openssl.args([
            "verify",
            "-CAfile",
            "ca.crt",
            "-verify_hostname",
            name,
            &format!("{certificate}.crt"),
        ]);
        openssl.current_dir(folder.path()).output().unwrap().status.success()
    };
    let settings = block("toml", "store = ");
    let (_, hosts) = settings.split_once("ringback@").unwrap();
    let hosts: Vec<&str> = hosts.split_once('/').unwrap().0.split(',').collect();
    assert_eq!(hosts.len(), 3);
    let pooler = read("pgbouncer.ini");
    let (_, primary) = pooler.split_once("ringback = host=").unwrap();
    let (primary, _) = primary.split_once(' ').unwrap();
    for host in hosts {
        assert!(is_for(host, host), "{host}");
        assert!(is_for(host, primary), "whichever is the primary is called {primary} by the pooler: {host}");
        assert!(!is_for(host, "db4"), "{host}");
    }
}

#[test]
fn the_settings_of_the_guide_are_settings_of_the_unit() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // What systemd hands over: the guide's files, under the names that the settings know.
    let handed = folder.path().join("handed");
    std::fs::create_dir(&handed).unwrap();
    for (name, text) in [("key", KEY), ("password", "CHANGE-ME-4")] {
        let line = format!("LoadCredential={name}:/etc/ringback/{name}");
        assert!(read("ringback.conf").lines().any(|has| has == line), "{line}");
        std::fs::write(handed.join(name), text).unwrap();
        // By an access control list, which shows as a bit of the group's.
        std::fs::set_permissions(handed.join(name), std::fs::Permissions::from_mode(0o440)).unwrap();
    }
    let handed = handed.to_str().unwrap();
    let settings = block("toml", "store = ").replace("/run/credentials/ringback.service", handed);
    assert_eq!(settings.matches(handed).count(), 2, "{settings}");
    std::fs::write(at("ringback.toml"), settings).unwrap();
    let args = crate::deploy::unit_s_arguments(&at("ringback.toml"));
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["--print-config"]).collect();
    let shown = printed(&run_with(folder.path(), &args, &[("CREDENTIALS_DIRECTORY", handed)], ""));
    // The one that the file names, though the unit has a database of its own.
    assert!(shown.contains("store = \"postgres://ringback@db1"), "{shown}");
    for line in ["listen = \"10.0.0.21:8080\"", "trusted-proxy = [\"10.0.0.10/32\"]", "behind-proxy = true"] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
    // nginx passes on the name that it is asked for, and the nodes have to know it.
    let nginx = read("nginx.conf");
    let name = nginx.lines().find_map(|line| line.trim().strip_prefix("server_name ")).unwrap();
    let name = name.trim_end_matches(';');
    assert!(shown.contains(&format!("server-name = [\"{name}\"]")), "{name} is not in\n{shown}");
}

#[test]
fn what_the_image_is_built_from_is_not_left_out() {
    let ignored = std::fs::read_to_string(deploy("docker/Dockerfile.dockerignore")).unwrap();
    let kept: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignored.lines().any(|line| line == "*"), "all but what is named is left out");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let is_kept = |path: &Path| kept.iter().any(|kept| path.starts_with(kept.trim_end_matches('*')));
    // What Cargo looks for by itself, and the folders of all members.
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap().iter().map(|member| {
        let member = member.as_str().unwrap();
        member.split_once('*').map_or(member, |(folder, _)| folder).to_owned()
    });
    let looked_for =
        ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", "rust-toolchain.toml"].map(str::to_owned);
    for name in looked_for.into_iter().chain(members) {
        let path = Path::new(&name);
        assert!(!root.join(path).exists() || is_kept(path), "{name} is not in the image's context");
    }
}
