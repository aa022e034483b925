use ringback_delivery::MessageId;
use ringback_server::api::read_cursor;

/// A cursor is a place of one list only, and the very text that we gave; a message's id likewise.
pub fn cursor(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let cursors = read_cursor(text);
    assert!(cursors.len() <= 1, "{cursors:?}");
    assert!(cursors.iter().all(|cursor| cursor == text), "{cursors:?}");
    if let Ok(id) = text.parse::<MessageId>() {
        assert_eq!(id.to_string(), text);
    }
}
