//! The log: on stderr, for a person on a terminal and as JSON lines everywhere else.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::log::{Log, LogFormat};

/// What counts where the filter says nothing of it: the migrations' library tells each of its steps at info, and what the
/// listener's library has to tell `ringback listen` tells itself.
const UNDER_THE_FILTER: &str = "refinery_core=warn,ringback_listener=off";

/// Starts logging. To be called once; a second call changes nothing.
pub(crate) fn start(log: &Log) {
    let terminal = std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    // `Log` has checked the directives; should they not parse after all, errors still show.
    let filter = EnvFilter::try_new(format!("{UNDER_THE_FILTER},{}", log.filter))
        .unwrap_or_else(|_| EnvFilter::new("error"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if json {
        subscriber.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        subscriber.with_target(false).with_ansi(terminal && std::env::var_os("NO_COLOR").is_none()).try_init()
    };
    drop(started);
}
