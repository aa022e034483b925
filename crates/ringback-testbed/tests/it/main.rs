//! The servers do what the tests that use them rely on.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

#[cfg(target_os = "linux")]
mod killed;

use std::time::Duration;

use ringback_testbed::{PgBouncer, Postgres, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[test]
fn each_test_has_a_database_of_its_own_on_a_durable_server() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two) = (postgres.database(), postgres.database());
    one.psql("CREATE TABLE mine (x int); INSERT INTO mine VALUES (7)");
    assert_eq!(one.psql("SELECT x FROM mine"), "7\n");
    assert_eq!(two.psql("SELECT count(*) FROM pg_tables WHERE tablename = 'mine'"), "0\n");
    assert_eq!(two.psql("SHOW fsync"), "on\n");
    let name = one.name().to_owned();
    drop(one);
    assert_eq!(two.psql(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")), "0\n");
}

#[tokio::test]
async fn a_pooler_gives_each_transaction_some_session() {
    let Some(postgres) = Postgres::shared() else { return };
    let Some(pooler) = PgBouncer::start(postgres).await else { return };
    let database = postgres.database();
    database.psql("CREATE TABLE mine (x int); INSERT INTO mine VALUES (7)");
    assert_eq!(database.psql_at(pooler.port(), "SELECT x FROM mine"), "7\n");
    assert_eq!(pooler.url(&database), database.url_at(pooler.port()));
}

/// Something that sends back what it gets.
async fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    port
}

async fn says(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

#[tokio::test]
async fn a_line_is_stalled_cut_and_restored() {
    let proxy = Proxy::start(echo().await).await;
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert_eq!(says(&mut stream, "hello").await.unwrap(), "hello");

    proxy.stall();
    let answer = tokio::time::timeout(Duration::from_millis(100), says(&mut stream, "anyone")).await;
    assert!(answer.is_err(), "{answer:?}");
    proxy.restore();
    let mut late = vec![0; 6];
    stream.read_exact(&mut late).await.unwrap();
    assert_eq!(late, b"anyone");

    proxy.cut();
    assert!(says(&mut stream, "gone").await.is_err());
    let mut refused = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert!(says(&mut refused, "gone").await.is_err());
    proxy.restore();
    let mut briefly = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert_eq!(says(&mut briefly, "hello").await.unwrap(), "hello");
    proxy.cut();
    proxy.restore();
    assert!(says(&mut briefly, "gone").await.is_err());
    let mut again = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert_eq!(says(&mut again, "hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn a_line_that_loses_answers_carries_what_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().port()).await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.lose_answers();
    client.write_all(b"asked").await.unwrap();
    let mut asked = vec![0; 5];
    server.read_exact(&mut asked).await.unwrap();
    assert_eq!(asked, b"asked");
    server.write_all(b"lost").await.unwrap();
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"");
}
