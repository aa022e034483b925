//! What is read from stdin: a line, mostly a secret.

use std::io::{BufRead as _, Read as _};

use anyhow::Context as _;
use ringback_wire::Secret;
use zeroize::Zeroizing;

use crate::failure::{Failure, Outcome};

/// The longest line that is read as a secret, in bytes.
const LONGEST_SECRET: u64 = 4096;

/// The first line, without its end.
pub(super) async fn secret() -> Outcome<Secret> {
    let line = blocking(|| {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().lock().take(LONGEST_SECRET).read_line(&mut line).map(|_| line)
    });
    let line = line.await?;
    let secret = line.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(Failure::usage("there is no password on stdin"));
    }
    Ok(Secret::new(secret))
}

/// The first line, without its end; `None` where there is none.
pub(super) async fn line() -> Outcome<Option<String>> {
    let line = blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().take(LONGEST_SECRET).read_line(&mut line).map(|read| (read, line))
    });
    let (read, line) = line.await?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Outcome<T> {
    let read = tokio::task::spawn_blocking(read).await.context("stdin can't be read")?;
    Ok(read.context("stdin can't be read")?)
}
