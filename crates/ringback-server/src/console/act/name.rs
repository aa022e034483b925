//! What can be done to an account, in words.

use crate::console::words;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum ActName {
    Check,
    Ping,
    Replay,
    Pause,
    Resume,
    Register,
    Restore,
    Deregister,
}

impl ActName {
    /// All of them, in the order in which they are offered.
    pub(in crate::console) const ALL: [Self; 8] = [
        Self::Check,
        Self::Ping,
        Self::Replay,
        Self::Pause,
        Self::Resume,
        Self::Register,
        Self::Restore,
        Self::Deregister,
    ];

    /// As it stands in an address.
    pub(in crate::console) fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Ping => "ping",
            Self::Replay => "replay",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Register => "register",
            Self::Restore => "restore",
            Self::Deregister => "deregister",
        }
    }

    /// As it stands on a button.
    pub(in crate::console) fn title(self) -> &'static str {
        match self {
            Self::Check => "Check the endpoint",
            Self::Ping => "Send a test message",
            Self::Replay => "Send messages again",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
            Self::Register => "Register a URL",
            Self::Restore => "Restore the last registration",
            Self::Deregister => "Deregister",
        }
    }

    /// What it is for.
    pub(in crate::console) fn hint(self) -> &'static str {
        match self {
            Self::Check => "Says what is found on the way there; success ends a hold.",
            Self::Ping => "One signed message of the type ping.",
            Self::Replay => "Dead ones, or others.",
            Self::Pause => "Holds all messages until somebody resumes.",
            Self::Resume => "Ends a pause, a hold and a suspension.",
            Self::Register => "In place of what is registered.",
            Self::Restore => "What the present registration replaced.",
            Self::Deregister => "Cancels what is pending.",
        }
    }
}

/// What was just done, in words of ours: nothing of the address is shown.
pub(in crate::console) fn said(did: &str, count: u64) -> Option<String> {
    let messages = words::many(count, "message is", "messages are");
    let said = match did {
        "pause" => "Paused. Nothing is sent until somebody resumes.".to_owned(),
        "resume" => "Resumed. What waits is sent now.".to_owned(),
        "replay" => format!("{messages} being sent again."),
        "replay-at-least" => format!("At least {messages} being sent again."),
        "register" => "Registered. What waits is sent to the new URL now.".to_owned(),
        "restore" => "Restored. What waits is sent to that URL now.".to_owned(),
        "deregister" => "Deregistered. What was pending is cancelled.".to_owned(),
        _ => return None,
    };
    Some(said)
}
