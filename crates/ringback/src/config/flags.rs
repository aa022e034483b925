//! A flag for each setting.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::SETTINGS;
use super::setting::{Kind, Setting};

/// The settings that were given as flags.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingFlags {
    /// Each with its values.
    pub(crate) given: Vec<(&'static Setting, Vec<String>)>,
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().copied().flatten()
}

fn flag(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.value)
        .help(setting.help)
        .help_heading("Settings");
    match setting.kind {
        Kind::One => arg.action(ArgAction::Set),
        Kind::Many => arg.action(ArgAction::Append).value_delimiter(','),
        Kind::Switch => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(["true", "false"])
            .hide_possible_values(true),
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        command.args(settings().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = settings().filter_map(|setting| {
            let values = matches.try_get_many::<String>(setting.name).ok()??;
            Some((setting, values.cloned().collect()))
        });
        Ok(Self { given: given.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
