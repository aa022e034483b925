//! The corpus: what is to be called, and the verdict under each mode.

use ringback_server::send::EgressMode;

const TEXT: &str = include_str!("corpus.txt");

/// The columns.
pub(crate) const MODES: [EgressMode; 3] = [EgressMode::Public, EgressMode::Private, EgressMode::Any];

/// One line of it.
pub(crate) struct Entry {
    pub(crate) url: String,
    /// Under each of [`MODES`].
    pub(crate) verdicts: [&'static str; 3],
}

/// All lines. `port` goes behind hosts that say none.
pub(crate) fn entries(port: Option<u16>) -> impl Iterator<Item = Entry> {
    TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(move |line| {
        let [cell, verdicts @ ..] = &line.split_ascii_whitespace().collect::<Vec<_>>()[..] else {
            panic!("an empty line: {line}")
        };
        Entry { url: url(&unescaped(cell), port), verdicts: verdicts.try_into().expect(line) }
    })
}

fn url(cell: &str, port: Option<u16>) -> String {
    if let Some(whole) = cell.strip_prefix('!') {
        return whole.to_owned();
    }
    if cell.contains("://") {
        return cell.to_owned();
    }
    let has_one = cell.rsplit_once(':').is_some_and(|(_, end)| !end.contains(']'));
    match port.filter(|_| !has_one) {
        Some(port) => format!("http://{cell}:{port}/"),
        None => format!("http://{cell}/"),
    }
}

fn unescaped(cell: &str) -> String {
    let (mut text, mut rest) = (String::new(), cell.chars());
    while let Some(char) = rest.next() {
        text.push(match (char, char == '\\').1 {
            false => char,
            true => match rest.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('s') => ' ',
                Some('\\') => '\\',
                Some('u') => {
                    let hex: String = rest.by_ref().skip(1).take_while(|char| *char != '}').collect();
                    u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32).expect(cell)
                }
                _ => panic!("an unknown escape: {cell}"),
            },
        });
    }
    text
}

#[test]
fn the_corpus_has_some_hundred_lines_and_each_says_a_verdict_for_each_mode() {
    const CLASSES: [&str; 7] = ["ok", "invalid", "private", "loopback", "link-local", "metadata", "special"];
    let mut urls: Vec<String> = Vec::new();
    for Entry { url, verdicts } in entries(None) {
        assert!(verdicts.iter().all(|verdict| CLASSES.contains(verdict)), "{url}: {verdicts:?}");
        let passes = verdicts.map(|verdict| verdict == "ok");
        assert!(passes.is_sorted(), "a wider mode passes what a narrower one does: {url}");
        urls.push(url);
    }
    let lines = urls.len();
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), lines, "each stands there once");
    assert!(lines > 500, "{lines}");
}
