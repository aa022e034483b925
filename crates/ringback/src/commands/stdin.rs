//! What is read from stdin: a secret's line, or a whole document.

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

/// Everything, up to `most` bytes and one more.
pub(super) async fn all(most: u64) -> Outcome<Vec<u8>> {
    blocking(move || {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(most.saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Outcome<T> {
    let read = tokio::task::spawn_blocking(read).await.context("stdin can't be read")?;
    Ok(read.context("stdin can't be read")?)
}
