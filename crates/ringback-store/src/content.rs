//! What is sent of a message, and the trace that it belongs to. The two are kept at one place and go one way.

use bytes::Bytes;

/// A message's bytes with what goes beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The message's JSON object as it is delivered, but for the user name and password.
    pub body: Bytes,
    /// The trace that it was published in, if it was published in one.
    pub trace: Option<Trace>,
}

impl From<Bytes> for Content {
    fn from(body: Bytes) -> Self {
        Self { body, trace: None }
    }
}

impl From<Vec<u8>> for Content {
    fn from(body: Vec<u8>) -> Self {
        Bytes::from(body).into()
    }
}

/// A place in a distributed trace, as W3C Trace Context has it: what was going on when a message was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// The trace's id; not all zero.
    pub id: [u8; 16],
    /// The span's id that deliveries are caused by; not all zero.
    pub span: [u8; 8],
    /// Whether who published may have recorded the trace.
    pub sampled: bool,
}

/// How many bytes a [`Trace`] is kept in: its id, its span, and one for the flags.
pub(crate) const KEPT_BYTES: usize = 25;

impl Trace {
    /// As it is kept.
    pub(crate) fn to_kept(self) -> [u8; KEPT_BYTES] {
        let mut kept = [0; KEPT_BYTES];
        kept[..16].copy_from_slice(&self.id);
        kept[16..24].copy_from_slice(&self.span);
        kept[24] = self.sampled.into();
        kept
    }

    /// From what is kept. What makes no sense is none: a message without its trace is still the message.
    pub(crate) fn from_kept(kept: &[u8]) -> Option<Self> {
        let (id, rest) = kept.split_first_chunk()?;
        let (span, flags) = rest.split_first_chunk()?;
        let [flags] = *flags else { return None };
        Some(Self { id: *id, span: *span, sampled: flags & 1 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_comes_back_as_it_was_kept_and_damage_is_none() {
        for sampled in [false, true] {
            let trace = Trace { id: [7; 16], span: [9; 8], sampled };
            assert_eq!(Trace::from_kept(&trace.to_kept()), Some(trace));
        }
        let kept = Trace { id: [7; 16], span: [9; 8], sampled: true }.to_kept();
        assert_eq!(Trace::from_kept(&kept[..24]), None);
        assert_eq!(Trace::from_kept(&[kept.as_slice(), &[0]].concat()), None);
        assert_eq!(Trace::from_kept(&[]), None);
    }
}
