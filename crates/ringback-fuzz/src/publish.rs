use ringback_wire::account::is_account_name;
use ringback_wire::message::CallbackMessage;
use ringback_wire::publish::{
    PublishedMessage, line_count, numbered_lines, parse_published, splice_credentials,
};
use serde_json::{Map, Value};

use crate::text_line;

/// A user name, a password, and then the lines of a publish: every line that is taken is delivered as a callback message
/// that says the same, with this user name and this password, and nothing of what the publisher keeps to itself.
pub fn publish(data: &[u8]) {
    let (username, rest) = text_line(data);
    let (password, lines) = text_line(rest);
    let count = line_count(lines) as u64;
    let mut last = 0;
    for (number, line) in numbered_lines(lines) {
        assert!(last < number && number <= count, "line {number} of {count}");
        assert!(!line.is_empty() && !line.contains(&b'\n'));
        last = number;
        match parse_published(line) {
            Ok(published) => is_delivered_as_it_was_published(line, &published, &username, &password),
            Err(refused) => assert!(!refused.to_string().is_empty() && !refused.code().is_empty()),
        }
    }
}

fn is_delivered_as_it_was_published(
    line: &[u8],
    published: &PublishedMessage,
    username: &str,
    password: &str,
) {
    assert!(is_account_name(&published.account));
    let delivered = splice_credentials(&published.body, username, password);
    let read = CallbackMessage::parse(&delivered)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&delivered)));
    assert_eq!(read.account_name, published.account);
    assert_eq!(read.event.message_type(), Some(published.kind));
    assert_eq!((read.username.as_str(), read.password.expose()), (username, password));

    let mut given: Map<String, Value> = serde_json::from_slice(line).expect("what is taken is JSON");
    for kept in ["orderingKey", "idempotencyKey"] {
        given.remove(kept);
        assert!(!read.extra.contains_key(kept), "{kept} is not delivered");
    }
    let sent: Map<String, Value> = serde_json::from_slice(&delivered).expect("what is delivered is JSON");
    for (name, value) in &given {
        assert_eq!(sent.get(name), Some(value), "{name} was changed");
    }
}
