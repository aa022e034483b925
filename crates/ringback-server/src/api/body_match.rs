//! Whether a kept message is about an upgrade or a device: what the store does not know, read from the body.

use std::borrow::Cow;

use serde::Deserialize;

/// What a body is to be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BodyMatch {
    /// The upgrade's id; capital letters mean the same.
    upgrade: Option<String>,
    /// The IMEI of one of its devices.
    device: Option<String>,
}

/// As much of a body as is looked at, borrowed from it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sections<'a> {
    #[serde(borrow)]
    upgrade_scheduled: Option<Section<'a>>,
    #[serde(borrow)]
    upgrade_progress: Option<Section<'a>>,
    #[serde(borrow)]
    upgrade_finished: Option<Section<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Section<'a> {
    #[serde(borrow)]
    upgrade_id: Option<Text<'a>>,
    #[serde(borrow)]
    device_list: Option<Vec<Device<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device<'a> {
    #[serde(borrow)]
    device_id: Option<Text<'a>>,
}

/// A text that is copied only when it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl BodyMatch {
    /// What both of these demand; `None` where neither is given.
    pub(super) fn of(upgrade: Option<&str>, device: Option<&str>) -> Option<Self> {
        let given = upgrade.is_some() || device.is_some();
        given.then(|| Self { upgrade: upgrade.map(str::to_owned), device: device.map(str::to_owned) })
    }

    /// Whether the body is about it.
    pub(super) fn matches(&self, body: &[u8]) -> bool {
        // What was published is checked; what can't be read is about nothing.
        let Ok(sections) = serde_json::from_slice::<Sections<'_>>(body) else { return false };
        [sections.upgrade_scheduled, sections.upgrade_progress, sections.upgrade_finished]
            .iter()
            .flatten()
            .any(|section| self.is_about(section))
    }

    fn is_about(&self, section: &Section<'_>) -> bool {
        let upgrade = self.upgrade.as_ref().is_none_or(|wanted| {
            section.upgrade_id.as_ref().is_some_and(|found| found.0.eq_ignore_ascii_case(wanted))
        });
        let devices = || section.device_list.iter().flatten().filter_map(|device| device.device_id.as_ref());
        upgrade && self.device.as_ref().is_none_or(|wanted| devices().any(|found| found.0 == wanted.as_str()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BODY: &[u8] = br#"{"accountName":"a","firmwareList":[],"upgradeScheduled":{},"upgradeProgress":{},
        "upgradeFinished":{"upgradeId":"E3a8","deviceList":[{"deviceId":"1\u0031","status":"x"},{"deviceId":"22"}]}}"#;

    fn is(upgrade: Option<&str>, device: Option<&str>) -> bool {
        BodyMatch::of(upgrade, device).unwrap().matches(BODY)
    }

    #[test]
    fn upgrade_and_device_must_both_be_right() {
        assert!(is(Some("e3A8"), None));
        assert!(is(None, Some("11")));
        assert!(is(Some("e3a8"), Some("22")));
        assert!(!is(Some("e3a8"), Some("33")));
        assert!(!is(Some("e3a"), Some("22")));
    }

    #[test]
    fn nothing_asked_for_is_no_match_to_look_for() {
        assert_eq!(BodyMatch::of(None, None), None);
    }

    #[test]
    fn what_has_no_such_section_is_not_about_it() {
        let wanted = BodyMatch::of(Some(""), None).unwrap();
        for body in [&b"{}"[..], b"[]", b"", br#"{"firmwareList":[{"firmwareName":"x"}]}"#] {
            assert!(!wanted.matches(body));
        }
    }
}
