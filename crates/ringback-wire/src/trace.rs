//! The header `traceparent` of W3C Trace Context, level 1 (<https://www.w3.org/TR/trace-context-1/>): what ties a publish
//! request, its deliveries, and what the listener does to one trace.
//!
//! Ringback reads and writes version `00` only. `tracestate` is not passed on, which the specification allows; `baggage` never
//! is.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The only version that is known, and the length of a header of that version.
const VERSION: &str = "00";
const LENGTH: usize = 55;
/// The only flag of level 1; the others are to be set to zero.
const SAMPLED: u8 = 1;

/// A `traceparent`: a trace, and the span in it that caused what it comes with.
///
/// ```
/// use ringback_wire::trace::TraceParent;
///
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let given: TraceParent = text.parse()?;
/// assert!(given.is_sampled());
/// assert_eq!(given.to_string(), text);
/// # Ok::<(), ringback_wire::trace::InvalidTraceParent>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: [u8; 16],
    span: [u8; 8],
    sampled: bool,
}

/// What is no `traceparent`. Whoever gets one acts as if there were none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a traceparent must be 00-<trace id>-<span id>-<flags>, of 32, 16 and 2 lower-case hexadecimal digits, neither id all zero"
)]
pub struct InvalidTraceParent;

impl TraceParent {
    /// Of a trace id, a span id, and whether the caller may have recorded it.
    ///
    /// # Errors
    /// [`InvalidTraceParent`] for an id that is all zero.
    pub fn new(trace: [u8; 16], span: [u8; 8], sampled: bool) -> Result<Self, InvalidTraceParent> {
        let is_none = trace == [0; 16] || span == [0; 8];
        if is_none { Err(InvalidTraceParent) } else { Ok(Self { trace, span, sampled }) }
    }

    /// The trace's id.
    #[must_use]
    pub fn trace(&self) -> [u8; 16] {
        self.trace
    }

    /// The id of the span that is the parent of what the receiver does.
    #[must_use]
    pub fn span(&self) -> [u8; 8] {
        self.span
    }

    /// Whether the caller may have recorded the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The trace's id as it is written: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_text(&self) -> String {
        hex(&self.trace)
    }

    /// The span's id as it is written: 16 hexadecimal digits.
    #[must_use]
    pub fn span_text(&self) -> String {
        hex(&self.span)
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        // A later version may have more behind the flags; this one has not.
        let text = Some(text).filter(|text| text.len() == LENGTH).ok_or(InvalidTraceParent)?;
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or(InvalidTraceParent);
        let (version, trace, span, flags) = (part()?, part()?, part()?, part()?);
        if version != VERSION || parts.next().is_some() {
            return Err(InvalidTraceParent);
        }
        let [flags] = unhex::<1>(flags)?;
        Self::new(unhex(trace)?, unhex(span)?, flags & SAMPLED != 0)
    }
}

impl Display for TraceParent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let flags = if self.sampled { SAMPLED } else { 0 };
        write!(f, "{VERSION}-{}-{}-{flags:02x}", hex(&self.trace), hex(&self.span))
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex<const N: usize>(text: &str) -> Result<[u8; N], InvalidTraceParent> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(InvalidTraceParent),
    };
    if text.len() != 2 * N {
        return Err(InvalidTraceParent);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again_without_the_flags_that_are_not_known() {
        for (given, written) in [
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ),
            (
                "00-00000000000000000000000000000001-0000000000000001-fe",
                "00-00000000000000000000000000000001-0000000000000001-00",
            ),
        ] {
            assert_eq!(given.parse().map(|parent: TraceParent| parent.to_string()).as_deref(), Ok(written));
        }
    }

    #[test]
    fn what_the_specification_calls_invalid_is_none() {
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(wrong.parse::<TraceParent>(), Err(InvalidTraceParent), "{wrong}");
        }
    }
}
