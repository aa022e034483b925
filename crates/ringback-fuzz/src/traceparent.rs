use ringback_wire::trace::TraceParent;

/// What is read is written as it was read, but for the flags that nobody knows; and it names a trace and a span.
pub fn traceparent(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(parent) = text.parse::<TraceParent>() else { return };
    let written = parent.to_string();
    assert_eq!(written[..53], text[..53]);
    assert_eq!(written.parse(), Ok(parent));
    assert!(parent.trace() != [0; 16] && parent.span() != [0; 8]);
}
