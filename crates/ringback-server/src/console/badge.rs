//! States as a person sees them: a shape, a colour and a word, so that none of the three is needed.

use maud::{Markup, html};
use ringback_wire::api::{LaneState, MessageState};

/// How good or bad a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Good,
    Waiting,
    Wary,
    Held,
    Bad,
    Quiet,
}

impl Mood {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Waiting => "waiting",
            Self::Wary | Self::Held => "wary",
            Self::Bad => "bad",
            Self::Quiet => "quiet",
        }
    }
}

/// A state.
pub(super) fn badge(mood: Mood, word: &str) -> Markup {
    html! { span class={ "badge " (mood.class()) } { (shape(mood)) (word) } }
}

/// A mood's shape alone; whatever stands beside it says it in words.
pub(super) fn shape(mood: Mood) -> Markup {
    let path = match mood {
        Mood::Good => "M3 8.5l3.2 3.2L13 4.8",
        Mood::Waiting => "M8 4.2V8l2.6 1.8M14 8a6 6 0 1 1-12 0 6 6 0 0 1 12 0z",
        Mood::Wary => "M8 2.200l6 11H2zM8 6.500v3M8 11.300v.1",
        Mood::Held => "M5.5 3.5v9M10.5 3.5v9",
        Mood::Bad => "M4 4l8 8M12 4l-8 8",
        Mood::Quiet => "M3.5 8h9",
    };
    html! {
        svg class={ "shape " (mood.class()) } viewBox="0 0 16 16" aria-hidden="true" {
            path d=(path) fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}

/// A lane's state.
pub(super) fn lane(state: &LaneState) -> Markup {
    match state {
        LaneState::Active => badge(Mood::Good, "active"),
        LaneState::Hold => badge(Mood::Bad, "on hold"),
        LaneState::Suspended => badge(Mood::Bad, "suspended"),
        LaneState::Paused => badge(Mood::Held, "paused"),
        LaneState::Unregistered => badge(Mood::Quiet, "not registered"),
        other => badge(Mood::Quiet, other.as_str()),
    }
}

/// A message's state.
pub(super) fn message(state: MessageState) -> Markup {
    match state {
        MessageState::Delivered => badge(Mood::Good, "delivered"),
        MessageState::Pending => badge(Mood::Waiting, "pending"),
        MessageState::Dead => badge(Mood::Bad, "dead"),
        MessageState::Cancelled => badge(Mood::Quiet, "cancelled"),
    }
}
