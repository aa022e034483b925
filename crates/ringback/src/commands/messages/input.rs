//! The messages of a file or of stdin: one document, or one on each line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use ringback_client::OutgoingMessage;
use ringback_wire::publish::MAX_MESSAGE_BYTES;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// Messages that are read ahead of what is published.
const AHEAD: usize = 1_000;
/// The longest line that is kept, in bytes: what is longer can be no message.
const LONGEST_LINE: usize = 2 * MAX_MESSAGE_BYTES;

/// One message of the input.
pub(super) struct Item {
    /// Which line it stands on, from 1; of a document, the first.
    pub(super) line: u64,
    /// Bytes of the input up to its end.
    pub(super) read: u64,
    /// As it stands there; empty where it was too long to be kept.
    pub(super) text: Bytes,
    /// The message, or what is wrong with it.
    pub(super) message: Result<OutgoingMessage, String>,
}

/// An input that is being read.
pub(super) struct Input {
    pub(super) items: mpsc::Receiver<io::Result<Item>>,
    /// How long it is, if that is known.
    pub(super) bytes: Option<u64>,
}

/// The file, or stdin where there is none.
pub(super) fn named(file: Option<&Path>) -> Option<&Path> {
    file.filter(|path| path.as_os_str() != "-")
}

/// Begins to read, in a thread of its own.
pub(super) fn open(file: Option<&Path>) -> Outcome<Input> {
    let (sender, items) = mpsc::channel(AHEAD);
    let Some(path) = file else {
        tokio::task::spawn_blocking(move || read_all(io::stdin().lock(), &sender));
        return Ok(Input { items, bytes: None });
    };
    let opened = File::open(path).and_then(|file| file.metadata().map(|about| (file, about)));
    let (file, about) = opened
        .with_context(|| format!("{} can't be read", path.display()))
        .map_err(|error| Failure::new(ExitCode::Usage, error))?;
    tokio::task::spawn_blocking(move || read_all(BufReader::new(file), &sender));
    Ok(Input { items, bytes: about.is_file().then_some(about.len()) })
}

fn read_all(source: impl BufRead, items: &mpsc::Sender<io::Result<Item>>) {
    if let Err(error) = read(source, |item| items.blocking_send(Ok(item)).is_ok()) {
        // Nobody who hears it is nobody who needs to.
        let _ = items.blocking_send(Err(error));
    }
}

/// Reads until the end, or until `give` says that nobody wants more.
fn read(source: impl BufRead, mut give: impl FnMut(Item) -> bool) -> io::Result<()> {
    let mut lines = Lines { source, line: 0, read: 0 };
    let Some(first) = lines.next()? else { return Ok(()) };
    // What begins as an object and does not end on its line may be one document over several.
    let mut held = vec![first];
    if held[0].text.starts_with(b"{") && !is_json(&held[0].text) {
        let mut document = held[0].text.to_vec();
        while document.len() <= LONGEST_LINE {
            let Some(next) = lines.next()? else { break };
            document.push(b'\n');
            document.extend_from_slice(&next.text);
            held.push(next);
        }
        if is_json(&document) {
            let read = held.last().map_or(0, |last| last.read);
            give(item(Line { line: held[0].line, read, text: document.into() }));
            return Ok(());
        }
    }
    for line in held {
        if !give(item(line)) {
            return Ok(());
        }
    }
    while let Some(line) = lines.next()? {
        if !give(item(line)) {
            return Ok(());
        }
    }
    Ok(())
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}

fn item(Line { line, read, text }: Line) -> Item {
    let message = if text.is_empty() {
        Err(format!("is longer than {LONGEST_LINE} bytes"))
    } else {
        OutgoingMessage::from_json(&text).map_err(|error| error.problem)
    };
    Item { line, read, text, message }
}

/// A line that is not blank, without white space around it; empty where it was too long.
struct Line {
    line: u64,
    read: u64,
    text: Bytes,
}

struct Lines<S> {
    source: S,
    line: u64,
    read: u64,
}

impl<S: BufRead> Lines<S> {
    fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut text = Vec::new();
            let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
            let read = io::Read::take(&mut self.source, most).read_until(b'\n', &mut text)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            self.read += u64::try_from(read).unwrap_or_default();
            if read == LONGEST_LINE && !text.ends_with(b"\n") {
                self.skip_line()?;
                text.clear();
            } else if text.trim_ascii().is_empty() {
                continue;
            }
            let text = Bytes::copy_from_slice(text.trim_ascii());
            return Ok(Some(Line { line: self.line, read: self.read, text }));
        }
    }

    /// Reads to the end of the line, and keeps nothing.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.source.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let taken = end.unwrap_or(buffer.len());
            self.source.consume(taken);
            self.read += u64::try_from(taken).unwrap_or_default();
            if end.is_some() || taken == 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MESSAGE: &str = r#"{"accountName":"0242078689-00001","type":"firmwareList","firmwareList":[{}]}"#;

    fn items(text: &str) -> Vec<(u64, bool)> {
        let mut items = Vec::new();
        read(text.as_bytes(), |item| {
            items.push((item.line, item.message.is_ok()));
            true
        })
        .unwrap();
        items
    }

    #[test]
    fn a_line_is_a_message_and_blank_ones_are_none() {
        assert_eq!(items(&format!("\n{MESSAGE}\n\n  {MESSAGE}")), [(2, true), (4, true)]);
        assert_eq!(items(" \n"), []);
    }

    #[test]
    fn a_document_over_several_lines_is_one_message() {
        let pretty = MESSAGE.replace(',', ",\n");
        assert_eq!(items(&pretty), [(1, true)]);
    }

    #[test]
    fn a_line_that_is_no_message_fails_alone() {
        assert_eq!(items(&format!("{{broken\n{MESSAGE}\nnonsense\n")), [(1, false), (2, true), (3, false)]);
    }

    #[test]
    fn a_line_that_is_too_long_fails_alone() {
        let long = "x".repeat(LONGEST_LINE + 10);
        assert_eq!(items(&format!("{long}\n{MESSAGE}\n")), [(1, false), (2, true)]);
    }
}
