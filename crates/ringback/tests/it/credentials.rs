//! `ringback credentials`, on a store beside a running server and through its API.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use ringback_testbed::looking;
use tempfile::tempdir;

use crate::api::{Api, Secrets, Tokens, message, text};
use crate::program::{Program, failure, printed, run, run_with};

const STORE: &str = "sqlite:ringback.db";
const ACCOUNT: &str = "0242078689-00001";
/// How soon a running server acts on a change.
const KNOWN_WITHIN: Duration = Duration::from_secs(1);

/// Makes a credential in the folder's store.
pub(crate) fn create(folder: &Path, name: &str, account: &str, scopes: &str) -> Secrets {
    create_in(folder, &["--store", STORE], name, account, scopes)
}

/// Makes a credential in a store that is named with its key, if it is given one.
pub(crate) fn create_in(folder: &Path, store: &[&str], name: &str, account: &str, scopes: &str) -> Secrets {
    let args = ["credentials", "create", "--name", name, "--account", account, "--scope", scopes, "--json"];
    serde_json::from_str(&printed(&run(folder, &[&args[..], store].concat()))).unwrap()
}

fn serve(folder: &Path) -> (Program, Api, String) {
    let mut server = Program::start(folder, &["serve", "--listen", "127.0.0.1:0"]);
    let url = server.url();
    (server, Api::new(&url), url)
}

fn variables<'a>(secrets: &'a Secrets, url: &'a str) -> [(&'static str, &'a str); 5] {
    [
        ("RINGBACK_URL", url),
        ("RINGBACK_CLIENT_ID", &secrets.client_id),
        ("RINGBACK_CLIENT_SECRET", &secrets.client_secret),
        ("RINGBACK_USERNAME", &secrets.username),
        ("RINGBACK_PASSWORD", &secrets.password),
    ]
}

/// Asks until the answer is the one that is waited for.
async fn soon<F: Future<Output = StatusCode>>(wanted: StatusCode, mut ask: impl FnMut() -> F) {
    let answered = async || match ask().await {
        status if status == wanted => Ok(()),
        status => Err(status.to_string()),
    };
    looking::within(KNOWN_WITHIN, wanted.as_str(), answered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_on_the_store_is_known_to_a_running_server_within_a_second() {
    let folder = tempdir().unwrap();
    let (mut server, api, _) = serve(folder.path());
    let secrets = create(folder.path(), "acme", ACCOUNT, "publish");
    soon(StatusCode::OK, || async { api.token(&secrets).await.0 }).await;

    let bearer = text(&api.token(&secrets).await.1["access_token"]);
    let tokens = Tokens { bearer, session: String::new() };
    let other = message("0242078689-00002", "1");
    let publish = || async { api.publish(&tokens, &other).await.unwrap().0 };
    assert_eq!(publish().await, StatusCode::FORBIDDEN, "the account is not one of its");
    let grant = ["credentials", "grant", "acme", "--account", "0242078689-00002", "--store", STORE];
    printed(&run(folder.path(), &grant));
    soon(StatusCode::OK, publish).await;

    let rotate = ["credentials", "rotate", "acme", "--json", "--store", STORE];
    let rotated: Secrets = serde_json::from_str(&printed(&run(folder.path(), &rotate))).unwrap();
    assert_eq!(rotated.client_id, secrets.client_id);
    soon(StatusCode::UNAUTHORIZED, || async { api.token(&secrets).await.0 }).await;
    assert_eq!(api.token(&rotated).await.0, StatusCode::OK);

    printed(&run(folder.path(), &["credentials", "revoke", "acme", "--store", STORE]));
    soon(StatusCode::UNAUTHORIZED, publish).await;
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_does_the_same_for_who_may_operate_on_everything() {
    let folder = tempdir().unwrap();
    let (mut server, api, url) = serve(folder.path());
    let operator = create(folder.path(), "operator", "*", "operate");
    let as_operator = variables(&operator, &url);
    let args =
        ["credentials", "create", "--name", "acme", "--account", ACCOUNT, "--scope", "callbacks", "--json"];
    let made = run_with(folder.path(), &args, &as_operator, "");
    let acme: Secrets = serde_json::from_str(&printed(&made)).unwrap();
    api.log_in(&acme).await;

    let (code, line) = failure(&run_with(folder.path(), &args, &as_operator, ""));
    assert_eq!(code, 5, "the name is taken: {line}");
    let listed = run_with(folder.path(), &["credentials", "list"], &as_operator, "");
    let listed = printed(&listed);
    assert!(listed.contains("acme") && listed.contains(ACCOUNT), "{listed}");
    assert!(!listed.contains(&acme.client_secret) && !listed.contains(&acme.password), "{listed}");

    let rotate = ["credentials", "rotate", "acme", "--overlap", "1h", "--json"];
    let rotated = run_with(folder.path(), &rotate, &as_operator, "");
    let rotated: Secrets = serde_json::from_str(&printed(&rotated)).unwrap();
    assert_eq!(api.token(&rotated).await.0, StatusCode::OK);
    assert_eq!(api.token(&acme).await.0, StatusCode::OK, "the old one counts for an hour");
    for args in [
        vec!["credentials", "grant", "acme", "--scope", "publish"],
        vec!["credentials", "unlock", "acme"],
        vec!["credentials", "revoke", "acme"],
    ] {
        printed(&run_with(folder.path(), &args, &as_operator, ""));
    }
    assert_eq!(api.token(&rotated).await.0, StatusCode::UNAUTHORIZED);

    let as_nobody = variables(&rotated, &url);
    let (code, line) = failure(&run_with(folder.path(), &["credentials", "list"], &as_nobody, ""));
    assert_eq!(code, 4, "{line}");
    assert!(server.stop().success());
}

#[test]
fn a_mistyped_store_is_refused_and_only_create_makes_one_which_it_says() {
    let folder = tempdir().unwrap();
    for args in [
        &["list"][..],
        &["rotate", "acme"],
        &["grant", "acme", "--scope", "publish"],
        &["unlock", "acme"],
        &["revoke", "acme"],
    ] {
        let args = [&["credentials"], args, &["--store", STORE]].concat();
        let (code, line) = failure(&run(folder.path(), &args));
        assert_eq!(code, 8, "{line}");
        assert!(line.contains("there is no database at ringback.db"), "{line}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");

    let create = |name| {
        let args = ["credentials", "create", "--name", name, "--account", ACCOUNT, "--scope", "publish"];
        let made = run(folder.path(), &[&args[..], &["--store", STORE]].concat());
        printed(&made);
        String::from_utf8(made.stderr).unwrap()
    };
    assert!(create("acme").contains("there was no store at sqlite:ringback.db"));
    assert_eq!(create("other"), "", "now it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_password_is_read_from_stdin_and_logs_in() {
    let folder = tempdir().unwrap();
    let (mut server, api, _) = serve(folder.path());
    let args = ["credentials", "create", "--store", STORE, "--name", "acme", "--account", ACCOUNT];
    let more = ["--scope", "callbacks", "--username", "fota-user", "--password-stdin", "--json"];
    let made = run_with(folder.path(), &[&args[..], &more].concat(), &[], "correct horse battery\n");
    let secrets: Secrets = serde_json::from_str(&printed(&made)).unwrap();
    assert_eq!(
        (secrets.username.as_str(), secrets.password.as_str()),
        ("fota-user", "correct horse battery")
    );
    api.log_in(&secrets).await;
    assert!(server.stop().success());
}
