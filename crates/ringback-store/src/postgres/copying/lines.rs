//! Rows as PostgreSQL's `COPY … FROM STDIN` reads them: a line for each, tabs between columns.

use std::fmt::Write as _;

use rusqlite::types::ValueRef;

/// Adds a column.
pub(super) fn put(line: &mut String, value: ValueRef<'_>) {
    if !line.is_empty() && !line.ends_with('\n') {
        line.push('\t');
    }
    match value {
        ValueRef::Null => line.push_str("\\N"),
        ValueRef::Integer(number) => drop(write!(line, "{number}")),
        ValueRef::Real(number) => drop(write!(line, "{number}")),
        ValueRef::Text(text) => escape(line, &String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => {
            line.push_str("\\\\x");
            hex(line, bytes);
        }
    }
}

/// Ends a row.
pub(super) fn end(line: &mut String) {
    line.push('\n');
}

pub(super) fn hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.reserve(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

fn escape(line: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '\\' => line.push_str("\\\\"),
            '\t' => line.push_str("\\t"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            // PostgreSQL's texts hold none.
            '\0' => {}
            other => line.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line_whatever_it_holds() {
        let mut lines = String::new();
        put(&mut lines, ValueRef::Integer(-7));
        put(&mut lines, ValueRef::Null);
        put(&mut lines, ValueRef::Text(b"a\tb\nc\\N\rd"));
        put(&mut lines, ValueRef::Blob(&[0, 0xff, b'\n']));
        end(&mut lines);
        put(&mut lines, ValueRef::Text(b""));
        end(&mut lines);
        assert_eq!(lines, "-7\t\\N\ta\\tb\\nc\\\\N\\rd\t\\\\x00ff0a\n\n");
    }
}
