//! Tells what a callback says in words: what happened, to which devices, from which version to which.
//!
//! Only the announcement of a firmware names the version that it replaces, so the narrator remembers it for the upgrades
//! that follow. What comes from outside is told without control characters, so that it can't play with a terminal.

use std::collections::HashMap;
use std::fmt::Write as _;

use ringback_wire::message::{CallbackEvent, CallbackMessage, Firmware, Upgrade};

use crate::listener::Receipt;

/// Firmware names that are remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 1000;
const INDENT: &str = "      ";

/// Tells what callbacks say.
#[derive(Debug, Default)]
pub(crate) struct Narrator {
    replaced_versions: HashMap<String, String>,
}

impl Narrator {
    /// A few lines about a callback.
    pub(crate) fn tell(&mut self, receipt: &Receipt) -> String {
        let mut told = match receipt.sequence {
            Some(sequence) => format!("#{sequence:<4} "),
            None => INDENT.to_owned(),
        };
        match &receipt.message {
            Ok(message) => {
                let _ = write!(told, "{} (account {})", headline(message), clean(&message.account_name));
            }
            Err(error) => {
                let _ = write!(told, "not a callback message: {}", clean(error));
            }
        }
        let _ = write!(told, "\n{INDENT}{}", receipt.verdict);
        if let Some(attempt) = receipt.attempt {
            let _ = write!(told, ", attempt {attempt}");
        }
        if receipt.replay {
            told.push_str(", a replay");
        }
        if !receipt.id.is_empty() {
            let _ = write!(told, ", id {}", clean(&receipt.id));
        }
        if let Ok(message) = &receipt.message {
            for line in self.details(&message.event) {
                let _ = write!(told, "\n{INDENT}{line}");
            }
        }
        if let Some(forwarded) = &receipt.forwarded {
            let _ = write!(told, "\n{INDENT}{}", clean(&forwarded.to_string()));
        }
        told
    }

    fn details(&mut self, event: &CallbackEvent) -> Vec<String> {
        match event {
            CallbackEvent::FirmwareList(list) => {
                list.iter().map(|firmware| self.announced(firmware)).collect()
            }
            _ => event.upgrade().map(|upgrade| self.upgraded(upgrade)).unwrap_or_default(),
        }
    }

    fn announced(&mut self, firmware: &Firmware) -> String {
        if let (Some(name), Some(from)) = (&firmware.firmware_name, &firmware.from_version) {
            if self.replaced_versions.len() >= REMEMBERED {
                self.replaced_versions.clear();
            }
            self.replaced_versions.insert(name.clone(), from.clone());
        }
        let device: Vec<String> =
            [&firmware.make, &firmware.model].into_iter().flatten().map(|text| clean(text)).collect();
        let mut line = shown(firmware.firmware_name.as_deref());
        if !device.is_empty() {
            let _ = write!(line, " for {}", device.join(" "));
        }
        let _ =
            write!(line, ": {}", versions(firmware.from_version.as_deref(), firmware.to_version.as_deref()));
        if let Some(note) = firmware.release_note.as_deref().filter(|note| !note.is_empty()) {
            let _ = write!(line, " ({})", clean(note));
        }
        line
    }

    fn upgraded(&self, upgrade: &Upgrade) -> Vec<String> {
        let name = upgrade.firmware_name.as_deref();
        let from = name.and_then(|name| self.replaced_versions.get(name)).map(String::as_str);
        let mut first = format!("{}: {}", shown(name), versions(from, upgrade.firmware_to.as_deref()));
        if let Some(status) = &upgrade.status {
            let _ = write!(first, ", {}", clean(status.as_str()));
        }
        if let Some(start) = upgrade.start_date.as_deref() {
            let _ = write!(first, ", start {}", clean(start));
        }
        let devices = upgrade.devices().iter().map(|device| {
            let mut line = format!("device {}", shown(device.device_id.as_deref()));
            let more = [&device.status, &device.result_reason].into_iter().flatten();
            for more in more.filter(|text| !text.is_empty()) {
                let _ = write!(line, "  {}", clean(more));
            }
            line
        });
        std::iter::once(first).chain(devices).collect()
    }
}

fn headline(message: &CallbackMessage) -> String {
    match &message.event {
        CallbackEvent::FirmwareList(_) => "New firmware is available".to_owned(),
        CallbackEvent::UpgradeScheduled(_) => "An upgrade has been scheduled".to_owned(),
        CallbackEvent::UpgradeProgress(_) => "An upgrade is under way".to_owned(),
        CallbackEvent::UpgradeFinished(_) => "An upgrade has finished".to_owned(),
        CallbackEvent::Ping => "A test message".to_owned(),
        CallbackEvent::Unknown { kind } => format!("A message of the unknown type {}", clean(kind)),
    }
}

fn versions(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), to) => format!("{} → {}", clean(from), shown(to)),
        (None, to) => format!("to {}", shown(to)),
    }
}

fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "?".to_owned(), clean)
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::listener::Verdict;

    fn receipt(message: &str) -> Receipt {
        Receipt {
            id: "m1".to_owned(),
            sequence: Some(7),
            attempt: Some(2),
            replay: false,
            verdict: Verdict::Verified,
            message: CallbackMessage::parse(message.as_bytes()).map_err(|error| error.to_string()),
            body: bytes::Bytes::new(),
            forwarded: None,
        }
    }

    #[test]
    fn an_upgrade_is_told_with_the_version_that_its_announcement_named() {
        let mut narrator = Narrator::default();
        let announced = narrator.tell(&receipt(
            r#"{"accountName":"0242078689-00001","type":"firmwareList","firmwareList":
                [{"firmwareName":"F","fromVersion":"01","toVersion":"02","make":"M","model":"A"}]}"#,
        ));
        assert!(announced.contains("F for M A: 01 → 02"), "{announced}");
        let finished = narrator.tell(&receipt(
            r#"{"accountName":"0242078689-00001","type":"upgradeFinished","upgradeFinished":
                {"firmwareName":"F","firmwareTo":"02","status":"Finished",
                 "deviceList":[{"deviceId":"990003425730535","status":"UpgradeSuccess","resultReason":"ok"}]}}"#,
        ));
        assert!(
            finished.starts_with("#7    An upgrade has finished (account 0242078689-00001)"),
            "{finished}"
        );
        assert!(finished.contains("F: 01 → 02, Finished"), "{finished}");
        assert!(finished.contains("device 990003425730535  UpgradeSuccess  ok"), "{finished}");
        assert!(finished.contains("signature verified ✓, attempt 2, id m1"), "{finished}");
    }

    #[test]
    fn what_comes_from_outside_can_not_play_with_the_terminal() {
        let told =
            Narrator::default().tell(&receipt("{\"accountName\":\"a\\u001b[2J\",\"type\":\"x\\u0007\"}"));
        assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{told:?}");
    }
}
