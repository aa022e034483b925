//! A message's body as a person reads it: the same JSON, with its lines broken. Nothing is parsed and written anew, so what
//! is shown is what was sent, in its order, unknown fields and all.

const INDENT: &str = "  ";

/// The text with lines broken after what opens, before what closes, and behind commas.
pub(super) fn broken(json: &str) -> String {
    let mut text = String::with_capacity(json.len() + json.len() / 4);
    let mut depth = 0_usize;
    let mut rest = json.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '"' => {
                text.push(next);
                string(&mut rest, &mut text);
            }
            '{' | '[' => {
                text.push(next);
                while rest.peek().is_some_and(|space| space.is_ascii_whitespace()) {
                    rest.next();
                }
                if let Some(close) = rest.next_if(|after| matches!(after, '}' | ']')) {
                    text.push(close);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(next);
            }
            ',' => {
                text.push(next);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            space if space.is_ascii_whitespace() => {}
            other => text.push(other),
        }
    }
    text
}

/// The rest of a string, to its closing mark.
fn string(rest: &mut impl Iterator<Item = char>, text: &mut String) {
    let mut escaped = false;
    for next in rest {
        text.push(next);
        match next {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return,
            _ => escaped = false,
        }
    }
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    for _ in 0..depth {
        text.push_str(INDENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_and_nothing_in_a_string_is_touched() {
        let json = r#"{"a":[1,{"b":"x, {\"y\": [\\"}],"c":{ },"d":[],"e":null}"#;
        let expected = "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x, {\\\"y\\\": [\\\\\"\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n  \"e\": null\n}";
        assert_eq!(broken(json), expected);
        assert_eq!(broken("\"cut \\"), "\"cut \\");
    }
}
