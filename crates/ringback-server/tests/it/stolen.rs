//! A stolen database, without its key, holds nothing that opens anything.

use ringback_store::{Registrations as _, Store as _};
use rusqlite::types::ValueRef;

use crate::server::{ACCOUNT, CALLBACKS, Server, callbacks};

/// Every value of every column of every table, with where it stands.
fn values(database: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut values = Vec::new();
    for table in tables {
        let mut rows = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns: Vec<String> = rows.column_names().map(str::to_owned).collect();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (at, column) in columns.iter().enumerate() {
                let value = match row.get_ref(at).unwrap() {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
                    _ => continue,
                };
                values.push((format!("{table}.{column}"), value));
            }
        }
    }
    values
}

#[tokio::test]
async fn no_column_holds_a_secret_and_no_secret_is_there_in_another_form() {
    let server = Server::start().await;
    let chosen = server.credential_with("chosen", &[ACCOUNT], CALLBACKS, Some("correct horse battery")).await;
    let user = server.user().await;
    server.token_of(&chosen).await;
    let body = r#"{"name":"Fota","url":"https://10.0.0.1/a/secret-path","username":"fota-user","password":"fota-password"}"#;
    server.as_user(&user, "POST", &callbacks(ACCOUNT)).json(body).send().await.ok();
    server.login_as(&user.bearer, "guessed-name", "guessed-password").await;
    let account = ACCOUNT.parse().unwrap();
    let signing = server.store.signing_secrets(server.clock.now(), account).await.unwrap();

    let mut secrets: Vec<(&str, Vec<u8>)> = vec![
        ("the client's secret", user.issued.client_secret.expose().into()),
        ("the generated password", user.issued.password.expose().into()),
        ("the chosen password", b"correct horse battery".to_vec()),
        ("the bearer token", user.bearer.clone().into()),
        ("the session token", user.session.clone().into()),
        ("the session token's bytes", user.session.parse::<uuid::Uuid>().unwrap().as_bytes().to_vec()),
        ("the callback's path", b"secret-path".to_vec()),
        ("the callback's host", b"10.0.0.1".to_vec()),
        ("the callback's user name", b"fota-user".to_vec()),
        ("the callback's password", b"fota-password".to_vec()),
        ("a name that was typed", b"guessed-name".to_vec()),
        ("a password that was typed", b"guessed-password".to_vec()),
        ("the signing secret", signing[0].hmac.to_vec()),
        ("the signing seed", signing[0].ed25519_seed.to_vec()),
        ("the sealing key", hex(&server.store.vault().present_key().to_hex())),
        ("the sealing key's digits", server.store.vault().present_key().to_hex().as_bytes().to_vec()),
    ];
    // A plain hash could be guessed against, or looked up.
    use sha2::Digest as _;
    let hashes: Vec<_> =
        secrets.iter().map(|(what, secret)| (*what, sha2::Sha256::digest(secret).to_vec())).collect();
    secrets.extend(hashes);

    let values = values(&server.database());
    assert!(values.len() > 20, "{}", values.len());
    for (place, value) in &values {
        for (what, secret) in &secrets {
            let found = value.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{what} is in {place}");
        }
    }
    let key = std::fs::read(server.database().with_extension("db.key")).unwrap();
    assert!(!key.is_empty(), "the key is beside the database, and not in it");
}

/// The bytes of hexadecimal digits.
fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// What is in the database is no token: a digest as it is stored, in any form, opens nothing.
#[tokio::test]
async fn what_is_stored_of_a_token_is_no_token() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let server = Server::start().await;
    let user = server.user().await;
    let digests: Vec<Vec<u8>> = values(&server.database())
        .into_iter()
        .filter(|(place, _)| matches!(place.as_str(), "token.digest" | "session.digest"))
        .map(|(_, value)| value)
        .collect();
    assert_eq!(digests.len(), 2);
    for digest in digests {
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        for token in [hex, URL_SAFE_NO_PAD.encode(&digest), STANDARD.encode(&digest)] {
            let answer =
                server.ask("GET", &callbacks(ACCOUNT)).bearer(&token).session(&user.session).send().await;
            answer.error(401, "REQUEST_FAILED.AccessToken.Invalid");
        }
    }
}
