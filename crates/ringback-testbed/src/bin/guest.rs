//! Stands for a test that is killed: starts what it is told to, says in which folder, and waits for the end of its stdin.

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    use std::path::Path;

    use ringback_testbed::{Patroni, Postgres};

    let say = |folder: &Path| println!("{}", folder.display());
    let stay = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    match std::env::args().nth(1).as_deref() {
        Some("patroni") => {
            let Some(cluster) = Patroni::on_three_etcds().await else { return Ok(()) };
            say(cluster.folder());
            stay()?;
        }
        Some("frozen") => {
            let Some(server) = Postgres::own() else { return Ok(()) };
            server.freeze();
            say(server.socket_folder());
            stay()?;
        }
        _ => {
            let Some(server) = Postgres::shared() else { return Ok(()) };
            say(server.socket_folder());
            stay()?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn main() {}
