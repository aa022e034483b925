//! What fills which table.
//!
//! Two things are otherwise in PostgreSQL. A position there begins with the milliseconds of the acceptance; and messages that
//! were copied lie where the retention sets aside what outlives its day, so that the days begin with the target's own life.

/// A table of the target.
pub(super) struct Stage {
    /// Its name.
    pub(super) to: &'static str,
    /// Where its rows come from, in the source.
    pub(super) from: &'static str,
    /// What the rows are joined with there.
    join: &'static str,
    /// The source's columns that name a row and order the rows.
    pub(super) keys: &'static [&'static str],
    /// Each of the target's columns, and what it is in the source.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// Which column of the rows as they are read is the account; then the target's first column is its shard.
    pub(super) account: Option<usize>,
    /// Which is the day whose partition is needed.
    pub(super) day: Option<usize>,
}

impl Stage {
    pub(super) fn select(&self, is_behind: bool) -> String {
        let Self { from, join, .. } = self;
        let keys = self.keys.join(", ");
        let columns: Vec<&str> = self.columns.iter().map(|(_, column)| *column).collect();
        let places: Vec<String> = (1..=self.keys.len()).map(|place| format!("?{place}")).collect();
        let behind =
            if is_behind { format!("WHERE ({keys}) > ({})", places.join(", ")) } else { String::new() };
        format!("SELECT {keys}, {} FROM {from} AS r {join} {behind} ORDER BY {keys}", columns.join(", "))
    }

    pub(super) fn copy_in(&self) -> String {
        let shard = self.account.map(|_| "shard");
        let columns: Vec<&str> =
            shard.into_iter().chain(self.columns.iter().map(|(column, _)| *column)).collect();
        format!("COPY {} ({}) FROM STDIN", self.to, columns.join(", "))
    }
}

/// A position of the target.
const POSITION: &str = "(r.accepted_at << 20) | (r.position & 1048575)";

/// The ring of sealing keys: copied first, since without it the target can't be opened to go on.
pub(super) static SEALING_KEYS: Stage = Stage {
    to: "ringback.sealing_key",
    from: "sealing_key",
    join: "",
    keys: &["r.number"],
    columns: &[("number", "r.number"), ("id", "r.id"), ("pepper", "r.pepper"), ("other", "r.other")],
    account: None,
    day: None,
};

/// In an order in which a copy that breaks off leaves nothing that counts: there is no credential before all else is there.
pub(super) static STAGES: &[Stage] = &[
    Stage {
        to: "ringback.account",
        from: "account",
        join: "",
        keys: &["r.account"],
        columns: &[
            ("account", "r.account"),
            ("base_sequence", "r.last_sequence"),
            ("replays", "r.last_turn - r.last_sequence"),
            ("generation", "r.generation"),
            ("registered", "r.registered"),
            ("pull", "r.pull"),
            ("releases", "r.releases"),
            ("reinstatements", "r.reinstatements"),
            ("cancelled_through", "r.cancelled_through"),
            ("acknowledged_through", "r.acknowledged_through"),
            ("acknowledged_turn", "r.acknowledged_turn"),
            ("paused_total", "r.paused_total"),
            ("paused_since", "r.paused_since"),
        ],
        account: Some(0),
        day: None,
    },
    Stage {
        to: "ringback.registration",
        from: "registration",
        join: "",
        keys: &["r.account"],
        columns: &[
            ("account", "r.account"),
            ("sealed", "r.sealed"),
            ("registered_at", "r.registered_at"),
            ("replaced", "r.replaced"),
            ("replaced_registered_at", "r.replaced_registered_at"),
            ("replaced_generation", "r.replaced_generation"),
        ],
        account: Some(0),
        day: None,
    },
    Stage {
        to: "ringback.signing_secret",
        from: "signing_secret",
        join: "",
        keys: &["r.account", "r.number"],
        columns: &[
            ("account", "r.account"),
            ("number", "r.number"),
            ("sealed", "r.sealed"),
            ("retires_at", "r.retires_at"),
        ],
        account: Some(0),
        day: None,
    },
    Stage {
        to: "ringback.lane",
        from: "lane",
        join: "",
        keys: &["r.account"],
        columns: &[
            ("account", "r.account"),
            ("version", "1"),
            ("successes", "r.successes"),
            ("releases_seen", "r.releases_seen"),
            ("reinstatements_seen", "r.reinstatements_seen"),
            ("health", "r.health"),
            ("failures", "r.failures"),
            ("since", "r.since"),
            ("probe_at", "r.probe_at"),
            ("trouble", "r.trouble"),
            ("delivered", "r.delivered"),
            ("dead", "r.dead"),
            ("cancelled", "r.cancelled"),
            ("dropped_delivered", "r.dropped_delivered"),
            ("dropped_dead", "r.dropped_dead"),
            ("dropped_cancelled", "r.dropped_cancelled"),
        ],
        account: Some(0),
        day: None,
    },
    Stage {
        to: "ringback.kept",
        from: "message",
        join: "LEFT JOIN body b ON r.kept = 0 AND b.position = r.position \
               LEFT JOIN kept_body k ON r.kept = 1 AND k.position = r.position",
        keys: &["r.account", "r.sequence"],
        columns: &[
            ("account", "r.account"),
            ("sequence", "r.sequence"),
            ("position", POSITION),
            ("accepted_at", "r.accepted_at"),
            ("kind", "r.kind"),
            ("key", "r.key"),
            ("first_turn", "r.turn"),
            ("body", "coalesce(b.body, k.body)"),
            ("trace", "coalesce(b.trace, k.trace)"),
            // A message that waits has no end.
            ("turn", "CASE WHEN r.state > 0 THEN coalesce(r.turn, r.sequence) END"),
            ("state", "nullif(r.state, 0)"),
            ("finished_at", "CASE WHEN r.state > 0 THEN r.finished_at END"),
            ("attempts", "CASE WHEN r.state > 0 THEN r.attempts END"),
            ("status", "CASE WHEN r.state > 0 THEN r.status END"),
            ("started_at", "CASE WHEN r.state > 0 THEN r.started_at END"),
            ("duration", "CASE WHEN r.state > 0 THEN r.duration END"),
            ("death", "CASE WHEN r.state > 0 THEN r.death END"),
        ],
        account: Some(0),
        day: None,
    },
    Stage {
        to: "ringback.pending",
        from: "pending",
        join: "",
        keys: &["r.account", "r.turn"],
        columns: &[
            ("account", "r.account"),
            ("turn", "r.turn"),
            ("sequence", "r.sequence"),
            ("position", POSITION),
            ("key", "r.key"),
            ("accepted_at", "r.accepted_at"),
            ("born", "r.born"),
            ("attempts", "r.attempts"),
            ("charged", "r.charged"),
            ("due", "r.due"),
            ("successes", "r.successes"),
            ("replay", "r.replay"),
        ],
        account: Some(0),
        day: None,
    },
    Stage {
        to: "ringback.attempt",
        from: "attempt",
        join: "",
        keys: &["r.account", "r.sequence", "r.number"],
        columns: &[
            ("account", "r.account"),
            ("sequence", "r.sequence"),
            ("number", "r.number"),
            ("started_at", "r.started_at"),
            ("duration", "r.duration"),
            ("outcome", "r.outcome"),
            ("error", "r.error"),
            ("excerpt", "r.excerpt"),
        ],
        account: Some(0),
        day: None,
    },
    Stage {
        to: "ringback.idempotency",
        from: "idempotency",
        join: "LEFT JOIN message m ON m.account = r.account AND m.sequence = r.sequence",
        keys: &["r.period", "r.key", "r.account"],
        columns: &[
            ("account", "r.account"),
            ("period", "r.period"),
            ("key", "r.key"),
            ("message", "r.message"),
            ("sequence", "r.sequence"),
            // Of a message that is gone nobody asks for the place.
            ("position", "coalesce((m.accepted_at << 20) | (m.position & 1048575), -1)"),
            ("accepted_at", "r.accepted_at"),
        ],
        account: Some(2),
        day: Some(0),
    },
    Stage {
        to: "ringback.replay_job",
        from: "replay_job",
        join: "",
        keys: &["r.account"],
        columns: &[
            ("account", "r.account"),
            ("state", "r.state"),
            ("since", "r.since"),
            ("until", "r.until"),
            ("next_sequence", "r.next_sequence"),
            ("last_sequence", "r.last_sequence"),
            ("began_at", "r.began_at"),
            ("acknowledged_through", "r.acknowledged_through"),
            ("acknowledged_turn", "r.acknowledged_turn"),
            ("steps", "r.steps"),
        ],
        account: Some(0),
        day: None,
    },
    Stage {
        to: "ringback.credential",
        from: "credential",
        join: "",
        keys: &["r.id"],
        columns: &[
            ("id", "r.id"),
            ("name", "r.name"),
            ("client_id", "r.client_id"),
            ("client_secret", "r.client_secret"),
            ("previous_secret", "r.previous_secret"),
            ("previous_secret_until", "r.previous_secret_until"),
            ("username", "r.username"),
            ("password", "r.password"),
            ("password_digest", "r.password_digest"),
            ("previous_password", "r.previous_password"),
            ("previous_password_digest", "r.previous_password_digest"),
            ("previous_password_until", "r.previous_password_until"),
            ("callbacks", "r.callbacks"),
            ("publish", "r.publish"),
            ("operate", "r.operate"),
            ("every_account", "r.every_account"),
            ("created_at", "r.created_at"),
            ("revoked_at", "r.revoked_at"),
        ],
        account: None,
        day: None,
    },
    Stage {
        to: "ringback.act",
        from: "act",
        join: "",
        keys: &["r.number"],
        columns: &[
            ("number", "r.number"),
            ("at", "r.at"),
            ("credential", "r.credential"),
            ("by", "r.by"),
            ("account", "r.account"),
            ("what", "r.what"),
        ],
        account: None,
        day: None,
    },
    Stage {
        to: "ringback.credential_account",
        from: "credential_account",
        join: "",
        keys: &["r.credential", "r.account"],
        columns: &[("credential", "r.credential"), ("account", "r.account")],
        account: None,
        day: None,
    },
    Stage {
        to: "ringback.token",
        from: "token",
        join: "",
        keys: &["r.digest"],
        columns: &[("digest", "r.digest"), ("credential", "r.credential"), ("expires_at", "r.expires_at")],
        account: None,
        day: None,
    },
    Stage {
        to: "ringback.session",
        from: "session",
        join: "",
        keys: &["r.digest"],
        columns: &[
            ("digest", "r.digest"),
            ("credential", "r.credential"),
            ("last_used_at", "r.last_used_at"),
        ],
        account: None,
        day: None,
    },
    Stage {
        to: "ringback.failed_login",
        from: "failed_login",
        join: "",
        keys: &["r.credential", "r.username"],
        columns: &[
            ("credential", "r.credential"),
            ("username", "r.username"),
            ("failures", "r.failures"),
            ("last_at", "r.last_at"),
            ("locked_until", "r.locked_until"),
        ],
        account: None,
        day: None,
    },
];
