//! Numbers that stand for things in every store. They are part of the stored format: never change one.

use ringback_delivery::{Death, MessageState, Outcome, Trouble};

/// The number of a state.
pub(crate) fn state_number(state: MessageState) -> u8 {
    match state {
        MessageState::Pending => 0,
        MessageState::Delivered => 1,
        MessageState::Dead => 2,
        MessageState::Cancelled => 3,
    }
}

/// The state of a number.
pub(crate) fn state_of(number: i64) -> Option<MessageState> {
    match number {
        0 => Some(MessageState::Pending),
        1 => Some(MessageState::Delivered),
        2 => Some(MessageState::Dead),
        3 => Some(MessageState::Cancelled),
        _ => None,
    }
}

/// The number of a cause of death.
pub(crate) fn death_number(death: Death) -> u8 {
    match death {
        Death::Attempts => 1,
        Death::Age => 2,
    }
}

/// The cause of death of a number.
pub(crate) fn death_of(number: i64) -> Option<Death> {
    match number {
        1 => Some(Death::Attempts),
        2 => Some(Death::Age),
        _ => None,
    }
}

/// The number of an outcome: a status, or a trouble's; none when nothing was sent, which is no attempt.
pub(crate) fn outcome_number(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Answered { status, .. } => Some(*status),
        Outcome::Failed(failure) => Some(Trouble::Failure(*failure).number()),
        Outcome::NotStarted => None,
    }
}

/// The outcome of a number.
pub(crate) fn outcome_of(number: u16) -> Option<Outcome> {
    match Trouble::from_number(number)? {
        Trouble::Status(status) => Some(Outcome::Answered { status, retry_after: None }),
        Trouble::Failure(failure) => Some(Outcome::Failed(failure)),
        Trouble::Refusals => None,
    }
}
