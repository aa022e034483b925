//! The program on PostgreSQL: over TLS, with a given key; and the way there from SQLite.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use ringback_testbed::{Database, PgBouncer, Postgres, looking};
use tempfile::tempdir;

use crate::api::{Api, Secrets, message};
use crate::endpoint::Endpoint;
use crate::program::{Program, command, failure, printed, run_with};

const ACCOUNT: &str = "0242078689-00001";
const KEY: &str = "1212121212121212121212121212121212121212121212121212121212121212";
const OTHER_KEY: &str = "3434343434343434343434343434343434343434343434343434343434343434";
const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--egress", "any"];

fn with_key(folder: &Path, args: &[&str], key: &str) -> Output {
    run_with(folder, args, &[("RINGBACK_KEY", key)], "")
}

fn serve(folder: &Path, store: &str) -> Program {
    Program::start_with(folder, &[&SERVE[..], &["--store", store]].concat(), &[("RINGBACK_KEY", KEY)])
}

fn create(folder: &Path, store: &str, key: &str) -> Secrets {
    let args = ["credentials", "create", "--store", store, "--name", "t", "--account", ACCOUNT];
    let more = ["--scope", "callbacks,publish", "--json"];
    serde_json::from_str(&printed(&with_key(folder, &[&args[..], &more].concat(), key))).unwrap()
}

/// By the name that the server's certificate is for.
fn by_name(database: &Database<'_>, parameters: &str) -> String {
    let port = database.server().port();
    format!("postgres://ringback@localhost:{port}/{}?sslmode=verify-full{parameters}", database.name())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_postgres_takes_delivers_and_verifies_over_tls() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let store = by_name(&database, &format!("&sslrootcert={}", postgres.ca_file().display()));
    let endpoint = Endpoint::start().await;
    let mut server = serve(folder.path(), &store);
    let api = Api::new(&server.url());
    // Beside the running server, which knows within a second.
    let tokens = api.log_in(&create(folder.path(), &store, KEY)).await;
    api.register(&tokens, ACCOUNT, &endpoint.url()).await;
    let (status, answer) = api.publish(&tokens, &message(ACCOUNT, "one")).await.unwrap();
    assert_eq!((status, &answer["sequence"]), (StatusCode::ACCEPTED, &serde_json::json!(1)));
    endpoint.until("its delivery", |received| received.len() == 1).await;
    let encrypted =
        "SELECT count(*) > 0 AND bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
                     WHERE a.datname = current_database() AND a.application_name = 'ringback'";
    assert_eq!(database.psql(encrypted), "t\n");
    assert!(server.stop().success());

    let said = printed(&with_key(folder.path(), &["verify", "--store", &store], KEY));
    assert!(said.contains("accepted:  1") && said.contains("All is right"), "{said}");
    let listed = printed(&with_key(folder.path(), &["credentials", "list", "--store", &store], KEY));
    assert!(listed.contains(ACCOUNT), "{listed}");
}

#[test]
fn a_server_that_does_not_prove_its_name_is_not_spoken_to() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    // Its authority is not among those that browsers trust, and its certificate is for another name.
    let by_address = by_name(&database, &format!("&sslrootcert={}", postgres.ca_file().display()))
        .replace("localhost", "127.0.0.1");
    for store in [by_name(&database, ""), by_address] {
        let (code, line) = failure(&with_key(folder.path(), &["verify", "--store", &store], KEY));
        assert_eq!(code, 6, "{line}");
        assert!(line.to_lowercase().contains("certificate"), "{line}");
    }
    let missing = by_name(&database, "&sslrootcert=/nowhere/ca.crt");
    let (code, line) = failure(&with_key(folder.path(), &["verify", "--store", &missing], KEY));
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("/nowhere/ca.crt"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_pooler_over_tls_all_is_the_same_and_another_s_certificate_is_refused() {
    let Some(postgres) = Postgres::shared() else { return };
    let Some(pooler) = PgBouncer::start(postgres).await else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let at = |host: &str, ca: &Path| {
        let (port, name, ca) = (pooler.port(), database.name(), ca.display());
        format!("postgres://ringback@{host}:{port}/{name}?sslmode=verify-full&sslrootcert={ca}")
    };
    let store = at("localhost", &pooler.ca_file());
    // Its certificate is for another name; and the authority behind it is not this one.
    for refused in [at("127.0.0.1", &pooler.ca_file()), at("localhost", &postgres.ca_file())] {
        let (code, line) = failure(&with_key(folder.path(), &["verify", "--store", &refused], KEY));
        assert_eq!(code, 6, "{line}");
        assert!(line.to_lowercase().contains("certificate"), "{line}");
    }
    let endpoint = Endpoint::start().await;
    let serve = [&SERVE[..], &["--store-pooler", "--store", &store]].concat();
    let mut server = Program::start_with(folder.path(), &serve, &[("RINGBACK_KEY", KEY)]);
    let api = Api::new(&server.url());
    let tokens = api.log_in(&create(folder.path(), &store, KEY)).await;
    api.register(&tokens, ACCOUNT, &endpoint.url()).await;
    let (status, answer) = api.publish(&tokens, &message(ACCOUNT, "one")).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    endpoint.until("its delivery", |received| received.len() == 1).await;
    assert!(server.stop().success());
    let said = printed(&with_key(folder.path(), &["verify", "--store", &store], KEY));
    assert!(said.contains("All is right"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_postgres_shows_its_shards_and_nothing_that_the_database_does_not_tell() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let mut server = serve(folder.path(), &database.url());
    let api = Api::new(&server.url());
    let args = ["credentials", "create", "--store", &database.url(), "--name", "o", "--account", "*"];
    let made = with_key(folder.path(), &[&args[..], &["--scope", "operate", "--json"]].concat(), KEY);
    let tokens = api.log_in(&serde_json::from_str::<Secrets>(&printed(&made)).unwrap()).await;
    let scrape = async || {
        let (status, text) = api.text("/metrics", &tokens).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let is_whole = text.contains("\nringback_shards 1024\n")
            && text.contains("\nringback_oldest_snapshot_age_seconds ");
        if is_whole { Ok(text) } else { Err(text) }
    };
    let text = looking::until("all shards and the oldest snapshot's age", scrape).await;
    assert!(text.contains("\nringback_store_size_bytes "), "{text}");
    assert!(!text.contains("ringback_store_free_bytes"), "{text}");
    assert!(server.stop().success());
}

#[test]
fn a_database_opens_with_the_key_that_sealed_it_only() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let store = database.url();
    let mut server = serve(folder.path(), &store);
    server.url();
    assert!(server.stop().success());
    let (code, line) = failure(&with_key(folder.path(), &["verify", "--store", &store], OTHER_KEY));
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("sealing key"), "{line}");
}

#[test]
fn a_database_without_a_store_gets_one_by_create_and_by_no_command_that_only_looks() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let store = database.url();
    for command in [&["credentials", "list"][..], &["credentials", "revoke", "t"], &["verify"]] {
        let (code, line) = failure(&with_key(folder.path(), &[command, &["--store", &store]].concat(), KEY));
        assert_eq!(code, 8, "{line}");
        assert!(
            line.contains("there is no store in") && line.contains("`ringback serve` makes one"),
            "{line}"
        );
    }
    assert_eq!(database.psql("SELECT to_regnamespace('ringback') IS NULL"), "t\n");
    create(folder.path(), &store, KEY);
    let listed = printed(&with_key(folder.path(), &["credentials", "list", "--store", &store], KEY));
    assert!(listed.contains(ACCOUNT), "{listed}");
}

#[test]
fn a_server_refuses_a_database_that_would_not_keep_its_promises() {
    let Some(postgres) = Postgres::shared() else { return };
    for (setting, value) in
        [("synchronous_commit", "off"), ("default_transaction_isolation", "'repeatable read'")]
    {
        let (database, folder) = (postgres.database(), tempdir().unwrap());
        database.psql(&format!("ALTER DATABASE {} SET {setting} = {value}", database.name()));
        let store = database.url();
        let args = [&SERVE[..], &["--store", &store]].concat();
        let (code, line) = failure(&with_key(folder.path(), &args, KEY));
        assert!(code == 8 || code == 6, "{code} {line}");
        assert!(line.contains(setting), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_copied_from_sqlite_and_served_from_postgres_with_the_same_tokens() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let endpoint = Endpoint::start().await;
    let mut server = Program::start(folder.path(), &SERVE);
    let api = Api::new(&server.url());
    let tokens =
        api.log_in(&crate::credentials::create(folder.path(), "t", ACCOUNT, "callbacks,publish")).await;
    // It waits: nobody listens there yet.
    api.register(&tokens, ACCOUNT, "http://127.0.0.1:1/").await;
    let (_, first) = api.publish(&tokens, &message(ACCOUNT, "one")).await.unwrap();

    let target = database.url();
    let copy = ["store", "copy", "--from", "sqlite:ringback.db", "--to", &target];
    let (code, line) = failure(&run_with(folder.path(), &copy, &[], ""));
    assert_eq!(code, 8, "{line}");
    assert!(line.contains("in use"), "{line}");
    assert!(server.stop().success());
    let said = printed(&run_with(folder.path(), &copy, &[], ""));
    assert!(said.contains("1 of them pending") && said.contains("verified"), "{said}");
    // Again, where it can't be told.
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let (status, lines) = Program::spawn_writing_to(full, command(folder.path(), &copy)).ended();
    let lines = lines.join("\n");
    assert_eq!(status.code(), Some(8), "{lines}");
    assert!(lines.contains("can't be written to stdout") && lines.contains("the store is copied"), "{lines}");
    assert!(lines.contains("--key-file ringback.db.key"), "{lines}");

    let key = ["--key-file", "ringback.db.key", "--store", &target];
    let mut server = Program::start(folder.path(), &[&SERVE[..], &key].concat());
    let api = Api::new(&server.url());
    let (status, again) = api.publish(&tokens, &message(ACCOUNT, "one")).await.unwrap();
    assert_eq!((status, &again["id"]), (StatusCode::ACCEPTED, &first["id"]));
    assert_eq!(again["status"], "duplicate");
    api.register(&tokens, ACCOUNT, &endpoint.url()).await;
    endpoint.until("its delivery", |received| received.len() == 1).await;
    assert!(server.stop().success());
}

/// The sessions that listen for other nodes' news, or tell theirs.
const IN_TOUCH: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%ringback_news'";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_not_to_notify_delivers_and_neither_listens_nor_tells() {
    let Some(postgres) = Postgres::shared() else { return };
    for (more, in_touch) in [(&["--store-without-notify"][..], "0"), (&[], "1")] {
        let (database, folder) = (postgres.database(), tempdir().unwrap());
        let store = database.url();
        let endpoint = Endpoint::start().await;
        let args = [&SERVE[..], &["--store", &store], more].concat();
        let mut server = Program::start_with(folder.path(), &args, &[("RINGBACK_KEY", KEY)]);
        let api = Api::new(&server.url());
        let tokens = api.log_in(&create(folder.path(), &store, KEY)).await;
        api.register(&tokens, ACCOUNT, &endpoint.url()).await;
        let (status, answer) = api.publish(&tokens, &message(ACCOUNT, "one")).await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        endpoint.until("its delivery", |received| received.len() == 1).await;
        assert_eq!(database.psql(IN_TOUCH).trim(), in_touch, "{more:?}");
        assert!(server.stop().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_at_one_node_is_refused_by_the_other_within_a_second() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let store = database.url();
    let mut servers = [serve(folder.path(), &store), serve(folder.path(), &store)];
    let [one, other] = servers.each_mut().map(|server| Api::new(&server.url()));
    let args = ["credentials", "create", "--store", &store, "--name", "o", "--account", "*"];
    let made = with_key(folder.path(), &[&args[..], &["--scope", "operate", "--json"]].concat(), KEY);
    let operator = one.log_in(&serde_json::from_str::<Secrets>(&printed(&made)).unwrap()).await;
    let secrets = create(folder.path(), &store, KEY);
    let tokens = one.log_in(&secrets).await;
    let path = format!("/api/ringback/v1/accounts/{ACCOUNT}");
    // The other one knows the token well.
    for _ in 0..3 {
        let (status, answer) = other.get(&path, &tokens).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let credential = format!("/api/ringback/v1/credentials/{}", secrets.client_id);
    let (status, answer) = one.ask(Method::DELETE, &credential, &operator, None).await.unwrap();
    assert!(status.is_success(), "{status} {answer}");
    let revoked = Instant::now();
    // What is asked a second later, however long the answer takes, is refused; and nothing is let in behind a refusal.
    let (mut is_refused, mut asked) = (false, Instant::now());
    while !is_refused || asked < revoked + Duration::from_secs(1) {
        asked = Instant::now();
        let (status, answer) = other.get(&path, &tokens).await;
        assert!(matches!(status, StatusCode::OK | StatusCode::UNAUTHORIZED), "{status} {answer}");
        let is_let_in = status == StatusCode::OK;
        assert!(!is_let_in || !is_refused, "it was refused before");
        assert!(!is_let_in || asked < revoked + Duration::from_secs(1), "after {:?}", revoked.elapsed());
        is_refused = !is_let_in;
    }
    for server in &mut servers {
        assert!(server.stop().success());
    }
}
