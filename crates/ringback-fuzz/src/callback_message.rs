use ringback_wire::message::CallbackMessage;

/// What a listener reads, it writes back as what it read.
pub fn callback_message(data: &[u8]) {
    let Ok(message) = CallbackMessage::parse(data) else { return };
    let written = serde_json::to_vec(&message).expect("a message can be written");
    let again = CallbackMessage::parse(&written)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&written)));
    assert_eq!(again, message);
}
