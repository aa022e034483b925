//! Work on the store's rows that goes in bounded steps, one at a time.

/// Where such work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Chore {
    #[default]
    None,
    Wanted,
    UnderWay,
    /// What is under way may have begun too early to see all.
    UnderWayAndWanted,
}

impl Chore {
    pub(super) fn want(&mut self) {
        *self = match self {
            Self::None | Self::Wanted => Self::Wanted,
            Self::UnderWay | Self::UnderWayAndWanted => Self::UnderWayAndWanted,
        };
    }

    /// Whether a step is to begin now; it counts as under way from here.
    pub(super) fn begin(&mut self) -> bool {
        let begins = *self == Self::Wanted;
        if begins {
            *self = Self::UnderWay;
        }
        begins
    }

    /// A step is done, and `more` of them may be needed.
    pub(super) fn end(&mut self, more: bool) {
        let wanted = more || *self == Self::UnderWayAndWanted;
        *self = if wanted { Self::Wanted } else { Self::None };
    }

    pub(super) fn is_under_way(self) -> bool {
        matches!(self, Self::UnderWay | Self::UnderWayAndWanted)
    }
}
