//! What must hold of Ringback's parsers for whatever bytes strangers send.
//!
//! Each function is the body of a fuzz target of the same name in `fuzz/`, and panics where its promise is broken. Their
//! corpora in `fuzz/corpus/` are small, and run as ordinary tests too (`tests/corpora.rs`).

#![forbid(unsafe_code)]

mod account;
mod callback_message;
mod callback_url;
mod configuration;
mod cursor;
mod listener;
mod publish;
mod retry_after;
mod signature;
mod traceparent;

pub use account::account;
pub use callback_message::callback_message;
pub use callback_url::callback_url;
pub use configuration::configuration;
pub use cursor::cursor;
pub use listener::listener;
pub use publish::publish;
pub use retry_after::retry_after;
pub use signature::signature;
pub use traceparent::traceparent;

/// The body of a fuzz target.
pub type Target = fn(&[u8]);

/// Every target, with the name of its folder in the corpus.
pub const TARGETS: [(&str, Target); 10] = [
    ("account", account),
    ("callback_message", callback_message),
    ("callback_url", callback_url),
    ("configuration", configuration),
    ("cursor", cursor),
    ("listener", listener),
    ("publish", publish),
    ("retry_after", retry_after),
    ("signature", signature),
    ("traceparent", traceparent),
];

/// The text up to the next newline, and what follows it.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}

/// The same as text, with what is not UTF-8 replaced.
fn text_line(data: &[u8]) -> (String, &[u8]) {
    let (line, rest) = line(data);
    (String::from_utf8_lossy(line).into_owned(), rest)
}
