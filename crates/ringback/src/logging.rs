//! The log: on stderr, for a person on a terminal and as JSON lines everywhere else.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::log::{Log, LogFormat};

/// What counts where the filter says nothing of it: what the listener's library has to tell `ringback listen` tells itself.
const UNDER_THE_FILTER: &str = "ringback_listener=off";

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
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let subscriber = tracing_subscriber::registry().with(filter).with(filter_fn(may_be_shown));
    let started = if json {
        subscriber.with(lines.json().flatten_event(true).with_current_span(false)).try_init()
    } else {
        let colours = terminal && std::env::var_os("NO_COLOR").is_none();
        subscriber.with(lines.with_target(false).with_ansi(colours)).try_init()
    };
    drop(started);
}

/// Whether a line may be shown at all, whatever the filter says. Of what libraries do in detail nothing may: at debug and
/// trace they tell what passes through them, such as the parameters of a statement, and in there are bodies and secrets.
fn may_be_shown(line: &Metadata<'_>) -> bool {
    let source = line.target().split("::").next().unwrap_or_default();
    let ours = source == "audit" || source == "ringback" || source.starts_with("ringback_");
    ours || *line.level() <= Level::WARN
}
