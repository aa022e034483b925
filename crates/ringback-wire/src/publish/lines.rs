//! The lines of an NDJSON publish: what is a line, and which number it has.

/// How many lines a publish has, blank ones too. A newline at its end ends the last one and begins none.
#[must_use]
pub fn line_count(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', unended(text)).count() + 1
}

/// The lines that are not blank, each without white space around it, numbered from 1; a blank line counts.
pub fn numbered_lines(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = Some(unended(text));
    let lines = std::iter::from_fn(move || {
        let text = rest?;
        let (line, others) = match memchr::memchr(b'\n', text) {
            Some(end) => (&text[..end], Some(&text[end + 1..])),
            None => (text, None),
        };
        rest = others;
        Some(line.trim_ascii())
    });
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}

fn unended(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_passed_over_and_counted() {
        let text = b"a\n\n  \r\n b \r\n";
        assert_eq!(numbered_lines(text).collect::<Vec<_>>(), [(1, &b"a"[..]), (4, b"b")]);
        assert_eq!(line_count(text), 4);
        assert_eq!(line_count(b"a"), 1);
        assert_eq!(line_count(b"a\n\n"), 2);
    }
}
